"""Lago's client makes subscriptions, changes their plans, and ends them.

Olga owns a service with a customer Ada, who is subscribed since January; Mallory owns
another.
"""

import itertools
import json
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from lago_python_client.exceptions import LagoApiError

from ledger.catalog import ChargeRow, PlanRow, upsert_plan
from ledger.db import Connection
from ledger.due_subscriptions import STEPS
from ledger.unparking import apply_parked
from tests.api_world import Person, counter, work_off
from tests.lago_world import lago_client, models
from workers.subscriptions import follow_subscriptions

DAY = timedelta(days=1)
_numbers = itertools.count(1)


@pytest.fixture
def olga(olga: Person, conn: Connection) -> Person:
    """She sells three plans: plan at 5, small at 2 and big at 99 CAD a month."""
    charge = ChargeRow("sum", "standard", "0", "1", None, ())
    for code, price in (("small", "2"), ("big", "99"), ("equal", "5")):
        row = PlanRow(
            olga.service, code, code, "monthly", "CAD", price, (charge,), next(_numbers)
        )
        upsert_plan(conn, row)
    conn.execute(
        "INSERT INTO webhook_endpoint (service_id, url, secret) VALUES (%s, %s, '')",
        (olga.service_id, f"https://olga-{next(_numbers)}.test"),
    )
    conn.commit()
    return olga


@pytest.fixture
def lago(url: str, olga: Person) -> Any:
    return lago_client(url, olga.key).subscriptions


@pytest.fixture
def mallorys(url: str, mallory: Person) -> Any:
    return lago_client(url, mallory.key).subscriptions


def given(external_id: str = "s", plan: str = "plan", **more: Any) -> Any:
    more = {"external_customer_id": "ada", **more}
    return models.Subscription(external_id=external_id, plan_code=plan, **more)


def text(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def soon(**more: int) -> datetime:
    return datetime.now(UTC) + timedelta(**more)


def told(conn: Connection, who: Person, about: str = "subscription") -> list[Any]:
    """Types of events, with the status and plan that they tell, oldest first."""
    conn.rollback()
    rows = conn.execute(
        "SELECT type, body FROM webhook_message "
        "WHERE service_id = %s AND type LIKE %s ORDER BY created_at",
        (who.service_id, f"{about}.%"),
    )
    bodies = [(name, json.loads(bytes(body))["data"][about]) for name, body in rows]
    return [(name, data.get("status"), data.get("plan_code")) for name, data in bodies]


def refused(call: Any) -> tuple[int, Any]:
    with pytest.raises(LagoApiError) as error:
        call()
    return error.value.status_code, error.value.response


def follow(conn: Connection, who: Person, now: datetime) -> None:
    """What the clock does, for one service, at a moment of the test's choice."""
    conn.rollback()
    for find, act in STEPS:
        for key in find(conn, now):
            if key[0] == who.service_id:
                act(conn, key, now)
    conn.commit()


def test_a_new_subscription_is_active_at_once_and_is_found(lago: Any) -> None:
    made = lago.create(given("new", name="Site"))

    assert (made.status, made.plan_code, made.name) == ("active", "plan", "Site")
    assert (made.billing_time, made.external_customer_id) == ("calendar", "ada")
    assert (made.plan_amount_cents, made.plan_amount_currency) == ("500", "CAD")
    assert made.started_at == made.subscription_at
    assert made.current_billing_period_started_at == made.started_at
    assert lago.find("new") == made


def test_an_unknown_customer_is_made_and_an_unknown_plan_is_not(
    lago: Any, url: str, olga: Person, conn: Connection
) -> None:
    status, body = refused(lambda: lago.create(given("x", plan="none")))
    made = lago.create(given("x", external_customer_id="newcomer"))

    assert (status, body["code"]) == (404, "plan_not_found")
    customer = lago_client(url, olga.key).customers.find("newcomer")
    assert customer.lago_id == made.lago_customer_id
    assert [name for name, *_ in told(conn, olga, "customer")] == ["customer.created"]


def test_a_repeat_is_a_success_and_changes_nothing(
    lago: Any, olga: Person, conn: Connection
) -> None:
    made = lago.create(given("again", name="A"))

    assert lago.create(given("again")) == made
    assert told(conn, olga) == [("subscription.started", "active", "plan")]


def test_two_at_once_make_one(lago: Any, olga: Person, conn: Connection) -> None:
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: lago.create(given("twin")), range(6)))

    assert len({each.lago_id for each in made}) == 1
    assert told(conn, olga) == [("subscription.started", "active", "plan")]


def test_a_dearer_plan_begins_at_once_and_cuts_the_period(
    lago: Any, olga: Person, conn: Connection, database_url: str, broker_url: str
) -> None:
    lago.create(given("up", subscription_at=text(soon(days=-40))))
    olga.push(counter("u-1", external_subscription_id="up", value=3))
    assert work_off(database_url, broker_url, olga.service_id)["applied"] == 1

    after = lago.create(given("up", plan="big"))

    assert (after.plan_code, after.previous_plan_code) == ("big", "plan")
    assert after.next_plan_code is None
    begun = datetime.fromisoformat(after.current_billing_period_started_at)
    assert abs(begun - datetime.now(UTC)) < timedelta(seconds=20)
    assert told(conn, olga)[-1] == ("subscription.updated", "active", "big")
    olga.push(counter("u-1", external_subscription_id="up", value=3))
    olga.push(
        counter(
            "u-2",
            external_subscription_id="up",
            value=4,
            timestamp=text(soon(seconds=1)),
        )
    )
    tally = work_off(database_url, broker_url, olga.service_id)
    assert (tally["duplicate"], tally["applied"]) == (1, 1)
    query = (
        "SELECT sum(r.quantity), count(*) FROM rollup r "
        "JOIN subscription b ON b.id = r.subscription_id "
        "WHERE b.external_id = 'up' AND b.service_id = %s"
    )
    conn.rollback()
    assert conn.execute(query, (olga.service_id,)).fetchone() == (Decimal(7), 2)


def test_a_plan_of_the_same_price_begins_at_once(lago: Any) -> None:
    lago.create(given("same"))

    assert lago.create(given("same", plan="equal")).plan_code == "equal"


def test_a_cheaper_plan_waits_for_the_end_of_the_period(
    lago: Any, olga: Person, conn: Connection
) -> None:
    before = lago.create(given("down", subscription_at=text(soon(days=-40))))

    asked = lago.create(given("down", plan="small"))

    assert (asked.plan_code, asked.next_plan_code) == ("plan", "small")
    end = datetime.fromisoformat(asked.current_billing_period_ending_at)
    assert asked.downgrade_plan_date == (end + timedelta(seconds=1)).date().isoformat()
    assert asked.current_billing_period_started_at == (
        before.current_billing_period_started_at
    )
    assert told(conn, olga)[-1] == ("subscription.updated", "active", "plan")
    follow(conn, olga, end)
    assert lago.find("down").plan_code == "plan"
    follow(conn, olga, end + 2 * DAY)
    after = lago.find("down")
    assert (after.plan_code, after.previous_plan_code) == ("small", "plan")
    assert (after.next_plan_code, after.downgrade_plan_date) == (None, None)
    assert told(conn, olga)[-1] == ("subscription.updated", "active", "small")
    query = "SELECT max(effective_at) FROM plan_history h JOIN subscription b "
    query += "ON b.id = h.subscription_id WHERE b.external_id = 'down' "
    begun = conn.execute(query + "AND service_id = %s", (olga.service_id,)).fetchone()
    assert begun == (end + timedelta(seconds=1),)


def test_an_upgrade_takes_the_place_of_a_downgrade_that_waits(
    lago: Any, olga: Person, conn: Connection
) -> None:
    lago.create(given("both"))
    lago.create(given("both", plan="small"))

    lago.create(given("both", plan="big"))

    follow(conn, olga, soon(days=40))
    assert lago.find("both").plan_code == "big"


def test_a_downgrade_that_waits_can_be_taken_back(
    lago: Any, olga: Person, conn: Connection
) -> None:
    lago.create(given("stay"))
    lago.create(given("stay", plan="small"))

    lago.destroy("stay", {"status": "pending"})

    assert lago.find("stay").next_plan_code is None
    follow(conn, olga, soon(days=40))
    assert lago.find("stay").plan_code == "plan"
    assert refused(lambda: lago.destroy("stay", {"status": "pending"}))[0] == 404


def test_anothers_name_and_one_that_has_ended_are_taken(
    lago: Any, olga: Person
) -> None:
    lago.create(given("mine"))
    taken = refused(lambda: lago.create(given("mine", external_customer_id="bob")))
    lago.destroy("mine")
    ended = refused(lambda: lago.create(given("mine")))

    for status, body in (taken, ended):
        assert status == 422
        assert body["error_details"] == {"external_id": ["value_already_exist"]}
    assert olga.get("/customers/bob").status == 404


def test_usage_until_the_end_counts_and_later_usage_is_refused(
    lago: Any, olga: Person, conn: Connection, database_url: str, broker_url: str
) -> None:
    lago.create(given("gone", subscription_at=text(soon(days=-2))))
    olga.push(counter("g-1", external_subscription_id="gone"))
    work_off(database_url, broker_url, olga.service_id)

    ended = lago.destroy("gone")

    assert ended.status == "terminated"
    assert ended.terminated_at is not None
    olga.push(
        counter("g-2", external_subscription_id="gone", timestamp=text(soon(days=-1))),
        counter("g-3", external_subscription_id="gone", timestamp=text(soon(days=1))),
    )
    tally = work_off(database_url, broker_url, olga.service_id)
    assert (tally["applied"], tally["rejected"]) == (1, 1)
    assert refused(lambda: lago.find("gone"))[1]["code"] == "subscription_not_found"
    assert lago.find("gone", {"status": "terminated"}).status == "terminated"
    assert refused(lambda: lago.destroy("gone"))[0] == 404
    assert told(conn, olga)[-1] == ("subscription.terminated", "terminated", "plan")
    follow(conn, olga, soon(days=1))
    assert len(told(conn, olga)) == 2


def test_one_made_and_ended_in_the_same_moment_has_ended(lago: Any) -> None:
    lago.create(given("blink"))

    assert lago.destroy("blink").status == "terminated"


def test_a_pending_one_starts_when_its_start_comes_and_is_told_then(
    lago: Any, olga: Person, conn: Connection
) -> None:
    start = soon(days=3)
    made = lago.create(given("later", subscription_at=text(start)))

    assert (made.status, made.started_at) == ("pending", None)
    assert refused(lambda: lago.find("later"))[0] == 404
    assert lago.find("later", {"status": "pending"}) == made
    assert told(conn, olga) == []
    follow(conn, olga, start - timedelta(seconds=2))
    assert told(conn, olga) == []
    for _ in range(2):
        follow(conn, olga, start + timedelta(seconds=2))
    assert told(conn, olga) == [("subscription.started", "active", "plan")]


def test_a_pending_one_takes_another_plan_and_start_and_can_be_canceled(
    lago: Any, olga: Person, conn: Connection
) -> None:
    lago.create(given("plans", subscription_at=text(soon(days=3))))
    changed = lago.create(given("plans", plan="small"))
    moved = lago.update(
        models.Subscription(subscription_at=text(soon(days=5))), "plans"
    )

    canceled = lago.destroy("plans")

    assert (changed.plan_code, changed.next_plan_code) == ("small", None)
    assert moved.subscription_at[:10] == text(soon(days=5))[:10]
    assert (canceled.status, canceled.started_at) == ("canceled", None)
    assert canceled.canceled_at is not None
    follow(conn, olga, soon(days=9))
    assert told(conn, olga)[-1] == ("subscription.terminated", "canceled", "small")
    anew = lago.create(given("plans"))
    assert (anew.status, anew.ending_at) == ("active", None)


def test_an_end_that_is_set_comes_and_is_told_once(
    lago: Any, olga: Person, conn: Connection
) -> None:
    lago.create(given("limited"))
    end = soon(days=2)

    changed = lago.update(
        models.Subscription(name="Trial", ending_at=text(end)), "limited"
    )

    assert (changed.name, changed.ending_at) == ("Trial", text(end))
    assert changed.status == "active"
    for _ in range(2):
        follow(conn, olga, end + DAY)
    names = [name for name, *_ in told(conn, olga)]
    assert names == [
        "subscription.started",
        "subscription.updated",
        "subscription.terminated",
    ]


def test_an_empty_end_lifts_it_and_a_repeat_is_told_to_nobody(
    lago: Any, olga: Person, conn: Connection
) -> None:
    lago.create(given("lifted", ending_at=text(soon(days=2))))

    for _ in range(2):
        after = lago.update(models.Subscription(ending_at=""), "lifted")

    assert after.ending_at is None
    assert len(told(conn, olga)) == 2


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("external_id", "", "value_is_mandatory"),
        ("external_id", "a\0", "value_is_invalid"),
        ("external_customer_id", 7, "value_is_invalid"),
        ("plan_code", "\ud800", "value_is_invalid"),
        ("billing_time", "lunar", "value_is_invalid"),
        ("subscription_at", "tomorrow", "invalid_date"),
        ("subscription_at", 10**30, "invalid_date"),
        ("subscription_at", float("1e308"), "invalid_date"),
        ("subscription_at", "9999-12-31T23:59:59-14:00", "invalid_date"),
        ("ending_at", "2020-01-01", "invalid_date"),
        ("plan_overrides", {"amount_cents": 1}, "value_is_invalid"),
    ],
)
def test_a_field_that_is_wrong_is_named(
    olga: Person, field: str, value: Any, code: str
) -> None:
    names = {"external_id": "bad", "external_customer_id": "c", "plan_code": "plan"}
    body = {"subscription": {**names, field: value}}

    answer = olga._post("/subscriptions", json.dumps(body).encode(), {})

    assert answer.status == 422, answer.text
    assert answer.body["error_details"] == {field: [code]}
    assert olga.get("/customers/c").status == 404


def test_whatever_is_asked_at_once_is_answered_and_told_in_an_order_that_can_be(
    lago: Any, url: str, olga: Person, conn: Connection
) -> None:
    customers = lago_client(url, olga.key).customers
    pick = random.Random(5)
    asks = [
        lambda name: lago.create(given(name, pick.choice(["plan", "small", "big"]))),
        lambda name: lago.destroy(name),
        lambda name: lago.create(given(name, external_customer_id="bob")),
        lambda name: lago.update(models.Subscription(name=name), name),
        lambda name: customers.destroy("bob"),
        lambda name: lago.find_all({"status[]": ["active", "terminated"]}),
    ]

    def ask(number: int) -> int:
        try:
            pick.choice(asks)(f"race-{number % 12}")
        except LagoApiError as error:
            return error.status_code
        return 200

    with ThreadPoolExecutor(6) as pool:
        statuses = set(pool.map(ask, range(80)))

    assert statuses <= {200, 404, 422, 429, 503}
    conn.rollback()
    rows = conn.execute(
        "SELECT body FROM webhook_message WHERE service_id = %s "
        "AND type LIKE 'subscription.%%' ORDER BY created_at",
        (olga.service_id,),
    ).fetchall()
    lives: dict[str, list[str]] = {}
    for (body,) in rows:
        event = json.loads(bytes(body))
        name = event["data"]["subscription"]["external_id"]
        lives.setdefault(name, []).append(event["type"])
    assert lives
    for events in lives.values():
        assert events.count("subscription.started") <= 1
        assert events.count("subscription.terminated") <= 1


def test_a_start_cannot_be_moved_behind_the_end(lago: Any, olga: Person) -> None:
    at = {"subscription_at": text(soon(days=1)), "ending_at": text(soon(days=3))}
    lago.create(given("moved", **at))

    update = models.Subscription(subscription_at=text(soon(days=5)))
    status, body = refused(lambda: lago.update(update, "moved"))

    assert (status, body["error_details"]) == (422, {"ending_at": ["invalid_date"]})


def test_a_pending_ones_start_can_be_moved_to_the_past(
    lago: Any, olga: Person, conn: Connection
) -> None:
    lago.create(given("early", subscription_at=text(soon(days=1))))

    moved = lago.update(
        models.Subscription(subscription_at=text(soon(days=-1))), "early"
    )

    assert moved.status == "active"
    assert told(conn, olga) == [("subscription.started", "active", "plan")]


def test_usage_that_came_before_its_subscription_is_applied(
    lago: Any, olga: Person, conn: Connection, database_url: str, broker_url: str
) -> None:
    olga.push(counter("p-1", external_subscription_id="awaited", value=2))
    assert work_off(database_url, broker_url, olga.service_id)["parked"] == 1

    lago.create(given("awaited", subscription_at=text(soon(days=-3))))

    conn.rollback()
    assert apply_parked(conn, olga.service_id, datetime.now(UTC), 10) == 1
    conn.commit()
    usage = olga.get("/customers/ada/current_usage", external_subscription_id="awaited")
    charges = usage.body["customer_usage"]["charges_usage"]
    assert {c["billable_metric"]["code"]: c["units"] for c in charges}["sum"] == "2.0"


def test_a_list_has_the_active_ones_unless_told_otherwise(
    lago: Any, url: str, olga: Person
) -> None:
    lago.create(given("l-1"))
    lago.create(given("l-2", plan="big", external_customer_id="bob"))
    lago.create(given("l-3", subscription_at=text(soon(days=1))))
    lago.destroy("l-1")

    def names(**query: Any) -> list[str]:
        found = lago.find_all({name.replace("S", "[]"): v for name, v in query.items()})
        assert found["meta"]["total_count"] == len(found["subscriptions"])
        return [each.external_id for each in found["subscriptions"]]

    assert names() == ["l-2", "ada-1"]
    assert names(statusS=["pending", "terminated"]) == ["l-3", "l-1"]
    assert names(status="pending") == ["l-3"]
    assert names(external_customer_id="bob") == ["l-2"]
    assert names(plan_code="plan") == ["ada-1"]
    assert names(external_customer_id="nobody") == []
    assert olga.get("/subscriptions", **{"status[]": "odd"}).status == 422
    nested = olga.get("/customers/bob/subscriptions").body
    assert [each["external_id"] for each in nested["subscriptions"]] == ["l-2"]
    assert olga.get("/customers/nobody/subscriptions").status == 404


def test_anothers_subscription_is_as_if_there_were_none(
    lago: Any, mallorys: Any, olga: Person, mallory: Person
) -> None:
    lago.create(given("secret"))
    update = models.Subscription(name="x")

    for call in (
        mallorys.find,
        mallorys.destroy,
        lambda name: mallorys.update(update, name),
    ):
        assert refused(lambda call=call: call("secret")) == refused(
            lambda call=call: call("nobodys")
        )
    made = mallorys.create(given("secret"))
    assert made.lago_id != lago.find("secret").lago_id
    assert mallory.get("/customers/bob/subscriptions").status == 404


def test_the_customers_time_zone_is_its_subscriptions(
    lago: Any, url: str, olga: Person
) -> None:
    customer = models.Customer(external_id="tor", timezone="America/Toronto")
    lago_client(url, olga.key).customers.create(customer)

    made = lago.create(given("zoned", external_customer_id="tor"))

    end = datetime.fromisoformat(made.current_billing_period_ending_at)
    assert (end.hour, end.minute, end.second) in ((3, 59, 59), (4, 59, 59))


def test_in_shadow_nothing_is_told(
    lago: Any, olga: Person, conn: Connection, database_url: str
) -> None:
    conn.execute("UPDATE service SET mode = 'shadow' WHERE id = %s", (olga.service_id,))
    conn.commit()
    lago.create(given("quiet"))
    lago.create(given("quiet", plan="big"))
    lago.destroy("quiet")
    follow_subscriptions(database_url, lambda: datetime.now(UTC))

    assert told(conn, olga) == []


def test_a_deleted_customers_subscriptions_are_told_to_have_ended(
    lago: Any, url: str, olga: Person, conn: Connection
) -> None:
    lago.create(given("c-1"))
    lago.create(given("c-2", subscription_at=text(soon(days=1))))

    lago_client(url, olga.key).customers.destroy("ada")

    ends = [row for row in told(conn, olga) if row[0] == "subscription.terminated"]
    assert sorted(status for _, status, _ in ends) == [
        "canceled",
        "terminated",
        "terminated",
    ]
