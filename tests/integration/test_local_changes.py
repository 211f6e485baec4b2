"""What apps make and change counts at once, and no pull puts back what was before."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from ledger.catalog import (
    CatalogRowUnknown,
    CustomerRow,
    PlanRow,
    SubscriptionRow,
    upsert_customer,
    upsert_plan,
    upsert_subscription,
)
from ledger.db import Connection
from ledger.holding import taken_since
from ledger.keys import ServiceUnknown
from ledger.local_changes import (
    LocalChangeRefused,
    save_customer,
    save_subscription,
)
from ledger.outgoing import (
    MAX_ATTEMPTS,
    Change,
    claim_changes,
    mark_refused,
    mark_taken,
)
from ledger.unparking import apply_parked
from tests.ledger_world import (
    NOW,
    STARTED,
    World,
    counter,
    make_message,
    make_world,
    push,
)

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
HELD = "SELECT {} FROM {} WHERE external_id = %s"
TERMS: dict[str, Any] = {"customer": "customer", "plan": "plan", "started_at": STARTED}


@pytest.fixture
def world(conn: Connection) -> World:
    """A service whose catalog came from Odoo; nothing in it is unsent."""
    return make_world(conn)


def claim(conn: Connection, kind: str, now: datetime = NOW) -> list[Change]:
    """Claim outside a transaction, as the bridge does."""
    conn.commit()
    conn.autocommit = True
    try:
        return claim_changes(conn, kind, 10, now, now + 30 * SECOND)
    finally:
        conn.autocommit = False


def pulled_customer(world: World, **more: Any) -> CustomerRow:
    row = {"name": "Odoo's", "email": "odoo@x.test", "odoo_id": 77, **more}
    return CustomerRow(world.code, "app-1", **row)


def pulled_subscription(world: World, **more: Any) -> SubscriptionRow:
    row = {"customer": "customer", "plan": "plan", "started_at": STARTED}
    row |= {"ended_at": None, "timezone": "UTC", "anchor": "calendar", "odoo_id": 78}
    return SubscriptionRow(world.code, "app-sub", **{**row, **more})


def held(conn: Connection, table: str, columns: str, name: str) -> Any:
    return conn.execute(HELD.format(columns, table), (name,)).fetchone()


def test_a_new_subscription_counts_at_once_and_what_was_parked_for_it(
    conn: Connection, world: World
) -> None:
    item = counter("before", subscription="app-sub", value="2")
    assert push(conn, make_message(world, [item]))["parked"] == 1
    key = world.service_id
    customer = save_customer(conn, key, "app-1", {"name": "Jane"}, NOW)
    terms = {**TERMS, "customer": "app-1"}
    saved = save_subscription(conn, key, "app-sub", terms, NOW)
    conn.commit()

    assert apply_parked(conn, key, NOW) == 1
    item = counter("after", subscription="app-sub", value="3")
    assert push(conn, make_message(world, [item]))["applied"] == 1
    assert (customer.created, saved.created) == (True, True)
    rows = conn.execute(
        "SELECT sum(quantity) FROM rollup WHERE subscription_id = %s",
        (saved.record_id,),
    ).fetchone()
    assert rows == (5,)
    assert held(conn, "subscription", "odoo_id", "app-sub") == (None,)


def test_saving_the_same_again_sends_nothing_again(
    conn: Connection, world: World
) -> None:
    key, values = world.service_id, {"name": "Jane", "city": "Hull"}
    first = save_customer(conn, key, "app-1", values, NOW)
    (change,) = claim(conn, "customer")
    mark_taken(conn, change, 77, NOW)

    again = save_customer(conn, key, "app-1", values, NOW + DAY)

    assert again.record_id == first.record_id
    assert (again.created, again.changed) == (False, frozenset())
    assert claim(conn, "customer", NOW + DAY) == []


def test_a_change_names_only_what_it_changes(conn: Connection, world: World) -> None:
    key = world.service_id
    save_customer(conn, key, "app-1", {"name": "Jane", "city": "Hull"}, NOW)
    (change,) = claim(conn, "customer")
    mark_taken(conn, change, 77, NOW)

    saved = save_customer(conn, key, "app-1", {"city": "", "phone": "1"}, NOW + DAY)

    assert saved.changed == {"city", "phone"}
    (change,) = claim(conn, "customer", NOW + DAY)
    assert change.changed == ("city", "phone")
    assert change.values == {"name": "Jane", "email": None, "phone": "1"}


def test_a_customer_without_a_name_has_its_external_id(
    conn: Connection, world: World
) -> None:
    save_customer(conn, world.service_id, "app-1", {"name": None}, NOW)

    assert held(conn, "customer", "name", "app-1") == ("app-1",)


def test_instants_are_widened_to_whole_seconds(conn: Connection, world: World) -> None:
    half = timedelta(microseconds=500_000)
    terms = {**TERMS, "started_at": STARTED + half, "ended_at": NOW + half}
    save_subscription(conn, world.service_id, "app-sub", terms, NOW)

    life = held(conn, "subscription", "started_at, ended_at", "app-sub")
    assert life == (STARTED, NOW + SECOND)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"customer": "nobody"}, CatalogRowUnknown),
        ({"plan": "none"}, CatalogRowUnknown),
        ({"plan": None}, LocalChangeRefused),
        ({"ended_at": STARTED}, LocalChangeRefused),
        ({"colour": "red"}, LocalChangeRefused),
    ],
    ids=str,
)
def test_what_no_subscription_can_have_changes_nothing(
    conn: Connection, world: World, change: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        save_subscription(conn, world.service_id, "app-sub", {**TERMS, **change}, NOW)
    conn.rollback()

    assert held(conn, "subscription", "id", "app-sub") is None


def test_an_unknown_service_is_said_so(conn: Connection) -> None:
    with pytest.raises(ServiceUnknown):
        save_customer(conn, 0, "app-1", {}, NOW)


def test_a_pull_leaves_what_is_unsent_and_takes_the_rest(
    conn: Connection, world: World
) -> None:
    key = world.service_id
    upsert_customer(conn, pulled_customer(world))
    save_customer(conn, key, "app-1", {"name": "App's"}, NOW)
    upsert_subscription(conn, pulled_subscription(world))
    save_subscription(conn, key, "app-sub", {"timezone": "Asia/Tokyo"}, NOW)

    upsert_customer(conn, pulled_customer(world, email="new@x.test"))
    upsert_subscription(
        conn, pulled_subscription(world, ended_at=NOW, anchor="anniversary")
    )

    assert held(conn, "customer", "name, email", "app-1") == ("App's", "new@x.test")
    columns = "timezone, ended_at, anchor, odoo_id"
    row = held(conn, "subscription", columns, "app-sub")
    assert row == ("Asia/Tokyo", NOW, "anniversary", 78)


def test_what_is_in_flight_is_left_as_well_and_then_odoo_s_again(
    conn: Connection, world: World
) -> None:
    upsert_customer(conn, pulled_customer(world))
    save_customer(conn, world.service_id, "app-1", {"name": "App's"}, NOW)
    (change,) = claim(conn, "customer")

    upsert_customer(conn, pulled_customer(world))
    assert held(conn, "customer", "name", "app-1") == ("App's",)

    mark_taken(conn, change, 77, NOW)
    upsert_customer(conn, pulled_customer(world, name="By hand"))
    assert held(conn, "customer", "name", "app-1") == ("By hand",)


def test_a_pull_that_read_before_a_change_was_taken_is_passed_over(
    conn: Connection, world: World
) -> None:
    save_customer(conn, world.service_id, "app-1", {"name": "App's"}, NOW)
    (change,) = claim(conn, "customer")
    mark_taken(conn, change, 77, NOW)

    def read(at: datetime) -> bool:
        return taken_since(conn, "customer", world.code, "app-1", at)

    assert read(NOW - SECOND)
    assert read(NOW)
    assert not read(NOW + SECOND)
    assert not read(NOW - DAY)  # by a clock that has gone back since
    assert not taken_since(conn, "customer", world.code, "customer", NOW)
    assert not taken_since(conn, "plan", world.code, "plan", NOW)


def test_a_change_beside_the_call_goes_out_again(
    conn: Connection, world: World
) -> None:
    key = world.service_id
    save_customer(conn, key, "app-1", {"name": "First"}, NOW)
    (first,) = claim(conn, "customer")
    save_customer(conn, key, "app-1", {"name": "Second"}, NOW)

    mark_taken(conn, first, 77, NOW)

    upsert_customer(conn, pulled_customer(world, name="First"))
    assert held(conn, "customer", "name, odoo_id", "app-1") == ("Second", 77)
    (second,) = claim(conn, "customer")
    assert second.revision > first.revision
    assert second.values["name"] == "Second"


def test_a_subscription_waits_for_its_customer(conn: Connection, world: World) -> None:
    key = world.service_id
    save_customer(conn, key, "app-1", {}, NOW)
    save_subscription(conn, key, "app-sub", {**TERMS, "customer": "app-1"}, NOW)
    assert claim(conn, "subscription") == []

    (change,) = claim(conn, "customer")
    mark_taken(conn, change, 77, NOW)

    (waiting,) = claim(conn, "subscription")
    assert waiting.values["customer"] == "app-1"


def test_a_lease_keeps_others_away_until_it_ends(
    conn: Connection, world: World
) -> None:
    save_customer(conn, world.service_id, "app-1", {}, NOW)

    assert len(claim(conn, "customer")) == 1
    assert claim(conn, "customer") == []
    assert len(claim(conn, "customer", NOW + 31 * SECOND)) == 1


def test_what_odoo_keeps_refusing_is_a_dead_letter_until_it_is_changed(
    conn: Connection, world: World
) -> None:
    key = world.service_id
    save_customer(conn, key, "app-1", {"vat": "nonsense"}, NOW)
    now = NOW
    for _ in range(MAX_ATTEMPTS):
        (change,) = claim(conn, "customer", now)
        mark_refused(conn, change, "vat: is wrong", now + DAY, now)
        now += DAY

    letters = conn.execute(
        "SELECT kind, reason, detail, attempts, payload->>'external_id' "
        "FROM dead_letter"
    ).fetchall()
    expected = ("local_change", "refused_by_odoo", "vat: is wrong", MAX_ATTEMPTS)
    assert letters == [(*expected, "app-1")]
    assert claim(conn, "customer", now - SECOND) == []

    save_customer(conn, key, "app-1", {"vat": "CA1"}, now - SECOND)
    (change,) = claim(conn, "customer", now - SECOND)
    assert change.attempts == 0


def test_a_refusal_of_what_has_changed_since_puts_off_nothing(
    conn: Connection, world: World
) -> None:
    key = world.service_id
    save_customer(conn, key, "app-1", {"vat": "nonsense"}, NOW)
    (old,) = claim(conn, "customer")
    save_customer(conn, key, "app-1", {"vat": "CA1"}, NOW)

    mark_refused(conn, old, "vat: is wrong", NOW + DAY, NOW)

    assert len(claim(conn, "customer")) == 1


def test_another_plan_begins_now_and_an_end_cuts_the_last_period(
    conn: Connection, world: World
) -> None:
    now = datetime.now(UTC)
    weekly = PlanRow(world.code, "gold", "gold", "weekly", "CAD", "0", (), 901)
    upsert_plan(conn, weekly)
    key = world.service_id
    saved = save_subscription(conn, key, "app-sub", TERMS, now)
    at = now - 20 * DAY
    item = counter(
        "1", subscription="app-sub", timestamp_us=int(at.timestamp()) * 1_000_000
    )
    assert push(conn, make_message(world, [item]), now)["applied"] == 1

    save_subscription(conn, key, "app-sub", {"plan": "gold"}, now)
    save_subscription(conn, key, "app-sub", {"ended_at": now - 25 * DAY}, now)

    plans = conn.execute(
        "SELECT count(*) FROM plan_history WHERE subscription_id = %s",
        (saved.record_id,),
    ).fetchone()
    assert plans == (2,)
    rollups = "SELECT quantity FROM rollup WHERE subscription_id = %s"
    counted = conn.execute(rollups, (saved.record_id,)).fetchall()
    assert [row for row in counted if row[0]] == []
    save_subscription(conn, key, "app-sub", {"ended_at": None}, now)
    counted = conn.execute(rollups, (saved.record_id,)).fetchall()
    assert sum(row[0] for row in counted) == 1


def test_two_that_save_one_new_customer_at_once_make_one(
    conn: Connection, world: World, database_url: str
) -> None:
    save_customer(conn, world.service_id, "app-1", {"name": "A"}, NOW)
    with psycopg.connect(database_url) as other:
        other.execute("SET lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            save_customer(other, world.service_id, "app-1", {"name": "B"}, NOW)
        other.rollback()
        conn.commit()
        saved = save_customer(other, world.service_id, "app-1", {"name": "B"}, NOW)

    assert saved.changed == {"name"}
    (change,) = claim(conn, "customer")
    assert change.values["name"] == "B"
