"""What apps make of their subscriptions, beside what Odoo says of the same ones."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import sleep
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.app_subscriptions import (
    SubscriptionInput,
    put_subscription,
    update_subscription,
)
from ledger.batches import apply_batch, take_batch
from ledger.catalog import (
    ChargeRow,
    PlanRow,
    SubscriptionRow,
    upsert_plan,
    upsert_subscription,
)
from ledger.customer_deletion import delete_customer
from ledger.db import Connection, connect
from ledger.due_subscriptions import STEPS
from ledger.holding import SUBSCRIPTION, lock_record
from ledger.odoo_events import take_event
from ledger.subscription_ends import end_subscription
from ledger.subscriptions import Subscription, find_subscription
from schemas.odoo_events import EventRow
from schemas.timestamps import second_text
from tests.ledger_world import World, counter, freeze, make_message, make_world, push
from workers.subscriptions import follow_subscriptions

DAY = timedelta(days=1)
NOW = datetime.now(UTC).replace(microsecond=0)
STARTED = NOW - 40 * DAY
SUM = (
    "SELECT r.period_start, r.period_end, r.quantity FROM rollup r "
    "JOIN subscription b ON b.id = r.subscription_id "
    "WHERE b.external_id = %s AND b.service_id = %s ORDER BY 1"
)


@pytest.fixture
def world(conn: Connection) -> World:
    """Plans dear at 90 CAD and cheap at 2 a month, week at 1 a week; a webhook."""
    world = make_world(conn, subscriptions=0)
    key = 7_000
    for code, interval, price in (
        ("dear", "monthly", "90"),
        ("cheap", "monthly", "2"),
        ("week", "weekly", "1"),
        ("year", "yearly", "30"),
    ):
        key += 1
        upsert_plan(
            conn, PlanRow(world.code, code, code, interval, "CAD", price, (), key)
        )
    conn.execute(
        "INSERT INTO webhook_endpoint (service_id, url, secret) "
        "VALUES (%s, 'https://app.test', '')",
        (world.service_id,),
    )
    conn.commit()
    return world


def put(
    conn: Connection, world: World, plan: str = "dear", name: str = "s", **values: Any
) -> Subscription:
    values = {"started_at": STARTED, **values}
    given = SubscriptionInput(name, "customer", plan, values)
    made = put_subscription(conn, (world.service_id, world.code), given, NOW)
    conn.commit()
    return made


def follow(conn: Connection, now: datetime) -> None:
    for find, act in STEPS:
        for key in find(conn, now):
            act(conn, key, now)
    conn.commit()


def told(conn: Connection) -> list[tuple[str, Any]]:
    rows = conn.execute(
        "SELECT type, body FROM webhook_message WHERE type LIKE 'subscription.%' "
        "ORDER BY created_at"
    )
    return [
        (name, json.loads(bytes(body))["data"]["subscription"]["plan_code"])
        for name, body in rows
    ]


def odoo_tells(
    conn: Connection, world: World, event: str, told: Subscription, **more: Any
) -> bool:
    """Odoo's event of the subscription as it is, but for what a person changed."""
    terms = told.terms
    end = terms.ended_at
    data = {
        "external_id": told.external_id,
        "external_customer_id": told.customer,
        "plan_code": told.plan,
        "previous_plan_code": None,
        "status": "active",
        "billing_time": terms.anchor,
        "timezone": terms.timezone,
        "started_at": second_text(terms.started_at),
        "ending_at": None if end is None else second_text(end),
        "terminated_at": None,
        "updated_at": second_text(NOW),
        **more,
    }
    key = f"{event} {told.plan} {sorted(more.items())}"
    row = EventRow(key, world.code, event, {"subscription": data}, NOW)
    taken = take_event(conn, row, NOW)
    conn.commit()
    return taken


def pull(conn: Connection, world: World, plan: str, **more: Any) -> None:
    """Odoo's row of the subscription."""
    terms = {"started_at": STARTED, "ended_at": None, "timezone": "UTC", **more}
    row = SubscriptionRow(
        world.code, "s", "customer", plan, **terms, anchor="calendar", odoo_id=9
    )
    upsert_subscription(conn, row)
    conn.commit()


def sent(conn: Connection) -> None:
    """Odoo has taken all that there was to send."""
    conn.execute("UPDATE local_change SET unsent = '{}'")
    conn.commit()


def found(conn: Connection, world: World, now: datetime = NOW) -> Subscription:
    subscription = find_subscription(conn, world.service_id, "s", now)
    assert subscription is not None
    return subscription


def test_what_the_app_did_is_not_told_again_when_odoo_tells_it(
    conn: Connection, world: World
) -> None:
    made = put(conn, world, "cheap")
    assert not odoo_tells(conn, world, "subscription.started", made)
    changed = put(conn, world, "dear")
    assert not odoo_tells(conn, world, "subscription.updated", changed)
    service = (world.service_id, world.code)
    ended = end_subscription(conn, service, "s", None, NOW)
    assert ended is not None
    assert not odoo_tells(conn, world, "subscription.terminated", ended)

    assert told(conn) == [
        ("subscription.started", "cheap"),
        ("subscription.updated", "dear"),
        ("subscription.terminated", "dear"),
    ]


def test_what_a_person_did_in_odoo_is_told_though_an_app_made_it(
    conn: Connection, world: World
) -> None:
    made = put(conn, world)

    changed = {"plan_code": "cheap"}
    assert odoo_tells(conn, world, "subscription.updated", made, **changed)
    assert not odoo_tells(conn, world, "subscription.updated", made, x=1, **changed)
    assert odoo_tells(conn, world, "subscription.terminated", made)
    assert odoo_tells(conn, world, "subscription.started", made, timezone="Asia/Tokyo")


def test_odoos_own_subscriptions_are_told_as_ever(
    conn: Connection, world: World
) -> None:
    pull(conn, world, "dear")

    for event in ("started", "updated", "terminated"):
        assert odoo_tells(conn, world, f"subscription.{event}", found(conn, world))
    follow(conn, NOW + 400 * DAY)
    assert len(told(conn)) == 3


def test_what_odoo_tells_is_lagos_object_with_odoos_news(
    conn: Connection, world: World
) -> None:
    made = put(conn, world, "dear")
    odoo_tells(conn, world, "subscription.updated", made, plan_code="cheap")
    customer = {"external_id": "customer", "name": "Renamed", "phone": None}
    row = EventRow("k", world.code, "customer.updated", {"customer": customer}, NOW)
    take_event(conn, row, NOW)

    rows = conn.execute("SELECT body FROM webhook_message").fetchall()
    bodies = [json.loads(bytes(body)) for (body,) in rows]
    (changed,) = [b for b in bodies if b["type"] == "subscription.updated"]
    told = changed["data"]["subscription"]
    assert told["lago_id"] == str(made.public_id)
    assert (told["plan_code"], told["plan_amount_cents"]) == ("cheap", None)
    (changed,) = [b for b in bodies if b["type"] == "customer.updated"]
    told = changed["data"]["customer"]
    assert told["lago_id"] == str(made.customer_id)
    assert (told["name"], told["applicable_timezone"]) == ("Renamed", "UTC")


def test_a_pending_one_that_odoo_confirms_is_told_when_its_start_comes(
    conn: Connection, world: World
) -> None:
    made = put(conn, world, started_at=NOW + DAY)

    assert not odoo_tells(conn, world, "subscription.started", made)
    follow(conn, NOW + DAY)
    assert [name for name, _ in told(conn)] == ["subscription.started"]


def test_an_end_is_told_by_whoever_is_first(conn: Connection, world: World) -> None:
    made = put(conn, world, ended_at=NOW + DAY)

    assert odoo_tells(conn, world, "subscription.terminated", made)
    follow(conn, NOW + 2 * DAY)

    assert [name for name, _ in told(conn)] == [
        "subscription.started",
        "subscription.terminated",
    ]


def test_a_pull_does_not_undo_a_plan_that_is_to_come(
    conn: Connection, world: World
) -> None:
    put(conn, world)
    planned = put(conn, world, "cheap").next_plan_at
    assert planned is not None
    sent(conn)
    pull(conn, world, "dear")

    assert found(conn, world).next_plan == "cheap"
    follow(conn, planned)
    pull(conn, world, "dear")  # as Odoo had it before
    assert found(conn, world, planned).plan == "cheap"
    query = "SELECT unsent FROM local_change WHERE kind = 'subscription'"
    assert conn.execute(query).fetchone() == (["plan"],)


@pytest.mark.parametrize("by", ["app", "odoo"])
def test_usage_that_was_sent_goes_out_again_when_its_period_gets_another_plan(
    conn: Connection, world: World, by: str
) -> None:
    start = NOW if by == "odoo" else STARTED
    put(conn, world, started_at=start)
    begins = put(conn, world, "cheap").next_plan_at if by == "app" else start
    assert begins is not None
    used = counter("t", subscription="s", timestamp_us=_us(begins))
    push(conn, make_message(world, [used]), begins + DAY)
    conn.execute("UPDATE rollup SET pushed_revision = revision")
    conn.commit()

    if by == "app":
        follow(conn, begins + DAY)
    else:
        sent(conn)
        pull(conn, world, "cheap", started_at=start)

    rows = conn.execute("SELECT revision > pushed_revision, quantity FROM rollup")
    assert (True, Decimal(1)) in rows.fetchall()


def test_a_downgrade_that_is_asked_for_again_is_not_told_again(
    conn: Connection, world: World
) -> None:
    put(conn, world)
    first = put(conn, world, "cheap")

    again = put(conn, world, "cheap")

    assert again == first
    assert [name for name, _ in told(conn)] == [
        "subscription.started",
        "subscription.updated",
    ]


def test_a_downgrade_that_is_due_begins_before_anything_else_is_done(
    conn: Connection, world: World
) -> None:
    service = (world.service_id, world.code)
    put(conn, world)
    begins = put(conn, world, "cheap").next_plan_at
    assert begins is not None
    given = SubscriptionInput("s", "customer", "cheap", {})

    again = put_subscription(conn, service, given, begins + DAY)
    ended = end_subscription(conn, service, "s", None, begins + 2 * DAY)

    assert (again.plan, again.next_plan) == ("cheap", None)
    assert ended is not None
    rows = conn.execute("SELECT effective_at FROM plan_history ORDER BY 1 DESC")
    assert rows.fetchone() == (begins,)
    assert [name for name, _ in told(conn)] == [
        "subscription.started",
        "subscription.updated",
        "subscription.updated",
        "subscription.terminated",
    ]


def test_a_customer_is_deleted_beside_a_change_of_its_subscription(
    conn: Connection, world: World, database_url: str
) -> None:
    for name in ("s", "t"):
        put(conn, world, name=name)
    service = (world.service_id, world.code)
    values = {"ended_at": NOW + DAY}

    def act(number: int) -> None:
        with connect(database_url) as own:
            if number:
                lock_record(own, SUBSCRIPTION, world.code, "t")
                sleep(0.5)
                update_subscription(own, service, "t", values, NOW)
            else:
                sleep(0.2)
                delete_customer(own, service, "customer", NOW)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(act, range(2)))

    ended = conn.execute(
        "SELECT count(*) FROM subscription WHERE ended_at = %s", (NOW,)
    )
    assert ended.fetchone() == (2,)


def test_a_person_who_changes_the_plan_in_odoo_takes_the_place_of_what_was_to_come(
    conn: Connection, world: World
) -> None:
    put(conn, world)
    put(conn, world, "cheap")
    sent(conn)

    pull(conn, world, "year")

    assert found(conn, world).next_plan is None
    follow(conn, NOW + 100 * DAY)
    assert found(conn, world).plan == "year"


def test_a_plan_that_would_begin_after_the_end_never_does(
    conn: Connection, world: World
) -> None:
    put(conn, world)
    planned = put(conn, world, "cheap").next_plan_at
    assert planned is not None
    service = (world.service_id, world.code)
    values = {"ended_at": planned}
    if planned > NOW + timedelta(seconds=2):
        update_subscription(conn, service, "s", values, NOW)

    follow(conn, planned + DAY)

    assert found(conn, world).plan == "dear"
    assert found(conn, world).next_plan is None


def test_two_clocks_at_once_change_the_plan_once(
    conn: Connection, world: World, database_url: str
) -> None:
    put(conn, world)
    planned = put(conn, world, "cheap").next_plan_at
    assert planned is not None

    def tick(_: int) -> None:
        with connect(database_url) as own:
            follow(own, planned)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(tick, range(4)))

    assert told(conn).count(("subscription.updated", "cheap")) == 1
    assert conn.execute("SELECT count(*) FROM plan_history").fetchone() == (2,)


def test_one_that_fails_holds_up_no_other(
    conn: Connection, world: World, database_url: str
) -> None:
    for name in ("s", "t"):
        put(conn, world, name=name)
        put(conn, world, "cheap", name=name)
    conn.execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'no'; END $$"
    )
    conn.execute(
        "CREATE TRIGGER fail BEFORE UPDATE ON subscription FOR EACH ROW "
        "WHEN (OLD.external_id = 's') EXECUTE FUNCTION fail()"
    )
    conn.commit()

    follow_subscriptions(database_url, lambda: NOW + 60 * DAY)

    rows = conn.execute("SELECT subscription_id FROM plan_change").fetchall()
    assert rows == [(found(conn, world).id,)]


def test_what_a_deleted_customer_used_is_billed(conn: Connection, world: World) -> None:
    put(conn, world, started_at=NOW - 2 * DAY)
    used = counter("t", subscription="s", value="3", timestamp_us=_us(NOW - DAY))
    assert push(conn, make_message(world, [used]), NOW)["applied"] == 1
    conn.execute("UPDATE subscription SET created_at = started_at")

    service = (world.service_id, world.code)
    assert delete_customer(conn, service, "customer", NOW) is not None
    conn.commit()

    assert freeze(conn, world, NOW + 90 * DAY) >= 1
    row = conn.execute(
        "SELECT sum(quantity), bool_and(frozen_at IS NOT NULL) FROM rollup"
    )
    assert row.fetchone() == (Decimal(3), True)
    query = "SELECT status FROM period_bill ORDER BY period_end DESC LIMIT 1"
    assert conn.execute(query).fetchone() == ("due",)


def test_what_odoo_does_with_a_deleted_customer_is_told_to_nobody(
    conn: Connection, world: World
) -> None:
    def odoo_renames(name: str) -> bool:
        data = {"customer": {"external_id": "customer", "name": name}}
        row = EventRow(name, world.code, "customer.updated", data, NOW)
        return take_event(conn, row, NOW)

    put(conn, world)
    before = odoo_renames("Ada")
    delete_customer(conn, (world.service_id, world.code), "customer", NOW)

    assert (before, odoo_renames("Grace")) == (True, False)


def test_one_that_was_canceled_is_never_billed_not_even_a_least_amount(
    conn: Connection, world: World
) -> None:
    least = ChargeRow("sum", "standard", "0", "1", None, (), minimum="10")
    for interval in ("monthly", "weekly"):
        row = PlanRow(world.code, "least", "l", interval, "CAD", "1", (least,), 7_100)
        upsert_plan(conn, row)
        put(conn, world, "least", started_at=NOW + DAY)
        service = (world.service_id, world.code)
        end_subscription(conn, service, "s", None, NOW)
    upsert_plan(
        conn, PlanRow(world.code, "least", "l", "yearly", "CAD", "1", (least,), 7_100)
    )
    conn.commit()

    assert freeze(conn, world, NOW + 400 * DAY) == 0
    put(conn, world, "least", started_at=NOW - 2 * DAY)
    assert found(conn, world).status == "active"
    assert freeze(conn, world, NOW + 800 * DAY) > 0


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    plan=st.sampled_from(["cheap", "week", "year"]),
    anchor=st.sampled_from(["calendar", "anniversary"]),
    counters=st.lists(
        st.tuples(st.integers(-36 * 3600, 36 * 3600), st.integers(1, 9)), max_size=8
    ),
    before=st.integers(0, 8),
)
def test_usage_falls_alike_whether_it_comes_before_or_after_the_plan_changes(
    conn: Connection,
    world: World,
    plan: str,
    anchor: str,
    counters: list[tuple[int, int]],
    before: int,
) -> None:
    fallen = []
    for name, first in ((f"{id(counters)}-a", before), (f"{id(counters)}-b", 0)):
        with conn.transaction(force_rollback=True):
            put_(conn, world, name, anchor, "dear")
            at = put_(conn, world, name, anchor, plan).next_plan_at
            assert at is not None
            late = at + 3 * DAY
            items = [
                counter(f"t-{i}", "sum", str(value), None, name, _us(at) + s * 10**6)
                for i, (s, value) in enumerate(counters)
            ]
            _apply(conn, world, items[:first], late)
            for find, act in STEPS:
                for key in find(conn, late):
                    act(conn, key, late)
            _apply(conn, world, items[first:], late)
            _apply(conn, world, items, late)  # again: counted once
            rows = conn.execute(SUM, (name, world.service_id)).fetchall()
            earlier = sum((q for start, _, q in rows if start < at), Decimal(0))

            assert earlier == sum(value for s, value in counters if s < 0)
            assert sum((q for *_, q in rows), Decimal(0)) == sum(
                value for _, value in counters
            )
            assert all(end <= at or start >= at for start, end, _ in rows)
            fallen.append(rows)

    assert fallen[0] == fallen[1]


def put_(
    conn: Connection, world: World, name: str, anchor: str, plan: str
) -> Subscription:
    values = {"started_at": STARTED, "anchor": anchor}
    given = SubscriptionInput(name, "customer", plan, values)
    return put_subscription(conn, (world.service_id, world.code), given, NOW)


def _apply(conn: Connection, world: World, items: list[Any], now: datetime) -> None:
    if items:
        message = make_message(world, items)
        take_batch(conn, message)
        apply_batch(conn, message, now)


def _us(instant: datetime) -> int:
    return int(instant.timestamp()) * 1_000_000
