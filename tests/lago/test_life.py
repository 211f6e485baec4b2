"""What becomes of a subscription: waited for, changed, ended."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from lago_python_client.exceptions import LagoApiError

from tests.lago.moved_app import STORY, MovedApp, move_app, run
from tests.lago_world import models
from tests.stack_process import RunningStack
from tests.waiting import wait_until


@pytest.fixture
def app(stack: RunningStack, tmp_path: Path) -> Iterator[MovedApp]:
    made = move_app(stack, tmp_path)
    yield made
    run(stack, "verify", "--service", made.service)


def add_plan(app: MovedApp, code: str, amount_cents: int, price: str) -> None:
    """A plan with calls at this price alone."""
    calls = app.lago.billable_metrics.find("calls")
    charge = {
        "billable_metric_id": calls.lago_id,
        "charge_model": "standard",
        "properties": {"amount": price},
    }
    plan = {**STORY["plan"], "code": code, "amount_cents": amount_cents}
    app.lago.plans.create(models.Plan.parse_obj({**plan, "charges": [charge]}))


def change_plan(app: MovedApp, code: str) -> Any:
    return app.lago.subscriptions.create(
        models.Subscription(**{**STORY["subscription"], "plan_code": code})
    )


def test_an_event_that_comes_before_its_subscription_waits_for_it(
    app: MovedApp,
) -> None:
    app.set_up()
    app.lago.events.create(app.event(STORY["first_event"]))

    app.subscribe()

    assert app.await_usage(700).charges_usage


def test_a_dearer_plan_cuts_the_period_at_once(app: MovedApp) -> None:
    app.set_up()
    app.subscribe()
    add_plan(app, "max", 9000, "1")
    app.lago.events.create(app.event(STORY["first_event"]))
    app.await_usage(700)

    changed = change_plan(app, "max")
    app.send_last("c9", calls=7)
    usage = app.await_usage(700)

    assert (changed.plan_code, changed.previous_plan_code) == ("max", "pro")
    assert changed.lago_id == app.lago.subscriptions.find("ada-1").lago_id
    assert [charge.units for charge in usage.charges_usage] == ["7.0"]
    assert usage.from_datetime == changed.current_billing_period_started_at


def test_a_cheaper_plan_waits_for_the_end_of_the_period(app: MovedApp) -> None:
    app.set_up()
    app.subscribe()
    add_plan(app, "min", 100, "0.01")

    changed = change_plan(app, "min")
    app.send_last("c9", calls=10)

    assert (changed.plan_code, changed.next_plan_code) == ("pro", "min")
    assert changed.downgrade_plan_date is not None
    app.await_usage(200)


def test_the_same_plan_again_changes_nothing(app: MovedApp) -> None:
    app.set_up()
    first = app.subscribe()

    again = app.subscribe()

    assert again == first
    listed = app.lago.subscriptions.find_all({"external_customer_id": "ada"})
    assert [s.lago_id for s in listed["subscriptions"]] == [first.lago_id]


def test_usage_until_the_end_counts_and_later_is_refused(app: MovedApp) -> None:
    app.set_up()
    app.subscribe()

    ended = app.lago.subscriptions.destroy("ada-1")
    app.lago.events.create(app.event(STORY["first_event"]))
    app.send_last("after", calls=100, after_seconds=60)
    app.await_usage(700)

    assert ended.status == "terminated"
    wait_until(lambda: outcomes(app, "after") == ["r"], "it is refused", 30)
    assert app.usage().amount_cents == 700
    with pytest.raises(LagoApiError) as refused:
        app.lago.events.find("after")
    assert refused.value.status_code == 404


def outcomes(app: MovedApp, transaction_id: str) -> list[str]:
    """What the receipts of the service's batches say of an event, a letter each."""
    with psycopg.connect(app.stack.database_url) as conn:
        rows = conn.execute(
            """
            SELECT o.outcomes
              FROM batch_outcome o
              JOIN batch b ON b.id = o.batch_id
              JOIN service s ON s.id = b.service_id
             WHERE s.code = %s AND o.transaction_ids = %s
            """,
            (app.service, [transaction_id]),
        ).fetchall()
    return [row[0] for row in rows]
