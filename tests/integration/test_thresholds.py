"""Thresholds of usage are told once for each period, whatever happens."""

import json
import subprocess
import sys
import threading
from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ledger.catalog import ChargeRow, PlanRow, upsert_plan
from ledger.db import Connection
from ledger.lifetime_usage import lifetime_usage
from ledger.threshold_check import check_round
from ledger.threshold_event import EVENT
from ledger.voiding import Identity, void_counter
from tests.frozen_world import FEBRUARY, JANUARY, at
from tests.ledger_world import World, counter, freeze, make_message, make_world, push
from tests.parked_world import events, listen
from tests.waiting import wait_until
from workers.thresholds import check_thresholds

CHARGES = (ChargeRow("sum", "standard", "0", "1", None, ()),)
JANUARY_US = int(JANUARY.timestamp()) * 1_000_000
LOOK_AND_HANG = """
import sys, time
from datetime import UTC, datetime
from ledger.db import connect
from ledger.threshold_check import check_round
conn = connect(sys.argv[1])
print(check_round(conn, datetime(2026, 1, 10, tzinfo=UTC)).reached, flush=True)
time.sleep(600)
"""
Threshold = tuple[str, bool]


def give_thresholds(conn: Connection, world: World, *amounts: Threshold) -> None:
    stored = [
        {"id": f"t-{amount}-{recurring}", "amount": amount, "recurring": recurring}
        for amount, recurring in amounts
    ]
    conn.execute(
        "UPDATE plan SET usage_thresholds = %s WHERE service_id = %s",
        (json.dumps([{**each, "name": "Big"} for each in stored]), world.service_id),
    )
    conn.commit()


def use(
    conn: Connection,
    world: World,
    name: str,
    value: str,
    instant: datetime = JANUARY,
) -> None:
    push(conn, make_message(world, [at(instant, name, value=value)]), instant)


def look(conn: Connection, now: datetime = JANUARY) -> int:
    reached = 0
    while (done := check_round(conn, now)).looked_at:
        conn.commit()
        reached += done.reached
    conn.commit()
    return reached


def told(conn: Connection) -> list[int]:
    """The amounts of usage, in cents, of which it was told."""
    return [
        each["subscription"]["reached_amount_cents"] for each in events(conn, EVENT)
    ]


def notes(conn: Connection) -> int:
    row = conn.execute("SELECT count(*) FROM threshold_watch").fetchone()
    conn.commit()
    assert row is not None
    count: int = row[0]
    return count


@pytest.fixture
def world(conn: Connection) -> World:
    """A price of 1.00 a unit, and thresholds at 10, 20 and 5 recurring."""
    world = make_world(conn, 2, CHARGES)
    listen(conn, world)
    give_thresholds(conn, world, ("10", False), ("20", False), ("5", True))
    return world


def test_a_threshold_is_told_once_in_a_period(conn: Connection, world: World) -> None:
    use(conn, world, "a", "9.99")
    assert look(conn) == 0
    use(conn, world, "b", "0.01")
    assert look(conn) == 1
    use(conn, world, "c", "1")
    assert look(conn) == 0

    assert told(conn) == [1000]


def test_each_that_is_crossed_at_once_is_told(conn: Connection, world: World) -> None:
    use(conn, world, "a", "31")

    look(conn)

    assert told(conn) == [1000, 2000, 2500, 3000]


def test_another_period_tells_again(conn: Connection, world: World) -> None:
    use(conn, world, "a", "12")
    look(conn)
    use(conn, world, "b", "12", FEBRUARY)
    look(conn, FEBRUARY)

    assert told(conn) == [1000, 1000]


def test_usage_that_comes_in_grace_is_of_its_own_period(
    conn: Connection, world: World
) -> None:
    use(conn, world, "a", "12")
    look(conn, FEBRUARY)

    (event,) = events(conn, EVENT)
    assert event["subscription"]["usage_from_datetime"] == "2026-01-01T05:00:00Z"


def test_the_event_is_lagos_subscription_with_the_threshold(
    conn: Connection, world: World
) -> None:
    use(conn, world, "a", "11.50")

    look(conn)

    (event,) = events(conn, EVENT)
    subscription = event["subscription"]
    assert subscription["external_id"] == "sub-0"
    assert subscription["external_customer_id"] == "customer"
    assert subscription["plan_code"] == "plan"
    assert subscription["status"] == "active"
    assert subscription["usage_threshold"] == {
        "lago_id": "t-10-False",
        "amount_cents": 1000,
        "recurring": False,
        "threshold_display_name": "Big",
    }
    assert subscription["usage_amount_cents"] == 1150
    assert subscription["usage_currency"] == "CAD"


def test_what_is_taken_back_and_used_again_is_not_told_again(
    conn: Connection, world: World
) -> None:
    use(conn, world, "a", "26")
    look(conn)
    void_counter(
        conn, world.service_id, Identity("sub-0", "sum", "a"), JANUARY, "ann", "twice"
    )
    conn.commit()
    look(conn)
    use(conn, world, "b", "31")
    look(conn)

    assert told(conn) == [1000, 2000, 2500, 3000]


def test_lifetime_usage_shows_how_far_each_is(conn: Connection, world: World) -> None:
    use(conn, world, "a", "12.50")
    look(conn)

    usage = lifetime_usage(conn, world.service_id, "sub-0", JANUARY)

    shown = [(each.amount, each.ratio) for each in usage.thresholds]
    assert shown == [
        (Decimal(10), Decimal(1)),
        (Decimal(20), Decimal("0.625")),
        (Decimal(25), Decimal("0.5")),
    ]
    assert [each.reached_at for each in usage.thresholds] == [JANUARY, None, None]


def test_what_recurred_is_shown_with_what_comes_next(
    conn: Connection, world: World
) -> None:
    use(conn, world, "a", "31")
    look(conn)

    usage = lifetime_usage(conn, world.service_id, "sub-0", JANUARY)

    assert [each.amount for each in usage.thresholds] == [10, 20, 25, 30, 35]


def test_nobody_is_noted_where_no_plan_has_thresholds(conn: Connection) -> None:
    world = make_world(conn, 1, CHARGES)
    use(conn, world, "a", "100")

    assert notes(conn) == 0
    assert look(conn) == 0


def test_a_plan_that_gets_thresholds_is_looked_at(conn: Connection) -> None:
    world = make_world(conn, 1, CHARGES)
    listen(conn, world)
    now = datetime.now(UTC)
    use(conn, world, "a", "100", now)

    give_thresholds(conn, world, ("50", False))

    assert look(conn, now) == 1
    assert told(conn) == [5000]


def test_another_price_is_looked_at(conn: Connection, world: World) -> None:
    now = datetime.now(UTC)
    use(conn, world, "a", "8", now)
    assert look(conn, now) == 0
    dearer = (ChargeRow("sum", "standard", "0", "2", None, ()),)
    row = conn.execute(
        "SELECT usage_thresholds FROM plan WHERE service_id = %s", (world.service_id,)
    ).fetchone()
    assert row is not None
    upsert_plan(
        conn, PlanRow(world.code, "plan", "plan", "monthly", "CAD", "0", dearer, 1)
    )
    conn.execute(
        "UPDATE plan SET usage_thresholds = %s WHERE service_id = %s",
        (json.dumps(row[0]), world.service_id),
    )
    conn.commit()

    look(conn, now)

    assert told(conn) == [1000]


def test_late_usage_counts_where_it_is_billed(conn: Connection, world: World) -> None:
    use(conn, world, "a", "4")
    freeze(conn, world, FEBRUARY)
    use(conn, world, "b", "5", FEBRUARY)
    look(conn, FEBRUARY)

    push(conn, make_message(world, [at(JANUARY, "late", value="6")]), FEBRUARY)
    look(conn, FEBRUARY)

    assert told(conn) == [1000]


def test_in_shadow_nothing_is_told_then_or_later(
    conn: Connection, world: World
) -> None:
    set_mode = "UPDATE service SET mode = %s WHERE id = %s"
    conn.execute(set_mode, ("shadow", world.service_id))
    conn.commit()
    use(conn, world, "a", "12")
    look(conn)
    conn.execute(set_mode, ("live", world.service_id))
    conn.commit()
    use(conn, world, "b", "9")
    look(conn)

    assert told(conn) == [2000]


def test_what_had_ended_before_it_was_known_is_not_told(
    conn: Connection, world: World
) -> None:
    conn.execute("UPDATE subscription SET created_at = %s", (FEBRUARY,))
    conn.commit()
    use(conn, world, "a", "12")

    assert look(conn, FEBRUARY) == 1
    assert told(conn) == []


def test_a_crash_before_the_commit_tells_it_the_next_time(
    conn: Connection, world: World
) -> None:
    use(conn, world, "a", "12")
    check_round(conn, JANUARY)
    conn.rollback()

    assert told(conn) == []
    assert look(conn) == 1
    assert told(conn) == [1000]


def test_a_killed_look_tells_it_the_next_time(
    conn: Connection, world: World, database_url: str
) -> None:
    use(conn, world, "a", "12")
    command = [sys.executable, "-c", LOOK_AND_HANG, database_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as looking:
        assert looking.stdout is not None
        assert looking.stdout.readline() == "1\n"
        looking.kill()

    wait_until(lambda: look(conn) == 1, "the killed look's notes are back")
    assert told(conn) == [1000]


def test_two_looks_at_once_tell_it_once(
    conn: Connection, world: World, database_url: str
) -> None:
    for number in range(8):
        use(conn, world, f"a-{number}", "4")
    start = threading.Barrier(4)
    problems: list[Exception] = []

    def run() -> None:
        try:
            start.wait()
            check_thresholds(database_url, lambda: JANUARY)
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []
    assert sorted(told(conn)) == [1000, 2000, 2500, 3000]


def test_a_look_holds_up_no_fold(
    conn: Connection, world: World, database_url: str
) -> None:
    use(conn, world, "a", "12")
    with psycopg.connect(database_url) as other:
        check_round(other, JANUARY)
        conn.execute("SET statement_timeout = '3s'")
        use(conn, world, "b", "12")

    assert look(conn) == 1
    assert told(conn) == [1000, 2000]


def test_what_cannot_be_rated_is_named_and_stops_no_other(
    conn: Connection, world: World, database_url: str
) -> None:
    now = datetime.now(UTC)
    use(conn, world, "a", "12", now)
    other = make_world(conn, 1, CHARGES)
    listen(conn, other)
    give_thresholds(conn, other, ("1", False))
    conn.execute(
        "UPDATE charge SET model = 'volume', tiers = '[]'"
        " FROM plan WHERE plan.id = plan_id AND service_id = %s",
        (other.service_id,),
    )
    conn.commit()
    use(conn, other, "b", "12", now)

    with capture_logs() as logs:
        check_thresholds(database_url, lambda: now)

    assert [each["event"] for each in logs] == ["usage_not_rated", "thresholds_reached"]
    assert told(conn) == [1000]


def test_one_whose_books_make_no_sense_stops_no_other(
    conn: Connection, world: World, database_url: str
) -> None:
    use(conn, world, "a", "12")
    push(
        conn,
        make_message(
            world,
            [counter("b", "sum", "12", subscription="sub-1", timestamp_us=JANUARY_US)],
        ),
        JANUARY,
    )
    conn.execute(
        "UPDATE plan_history SET effective_at = '2025-01-01' FROM subscription b"
        " WHERE b.id = subscription_id AND b.external_id = 'sub-0'"
    )
    conn.commit()

    with capture_logs() as logs:
        check_thresholds(database_url, lambda: JANUARY)

    assert [each["event"] for each in logs] == ["usage_not_rated", "thresholds_reached"]
    (event,) = events(conn, EVENT)
    assert event["subscription"]["external_id"] == "sub-1"


def test_many_notes_are_worked_off_page_by_page(
    conn: Connection, world: World, database_url: str
) -> None:
    use(conn, world, "a", "12")
    conn.execute(
        "INSERT INTO threshold_watch (subscription_id, period_start)"
        " SELECT subscription_id, period_start FROM threshold_watch,"
        " generate_series(1, 4200)"
    )
    conn.commit()

    assert check_thresholds(database_url, lambda: JANUARY) == 1
    assert notes(conn) == 0


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    once=st.lists(st.integers(1, 30), unique=True, max_size=3),
    recurring=st.none() | st.integers(1, 10),
    steps=st.lists(
        st.tuples(st.integers(-10, 15), st.booleans(), st.booleans()), max_size=8
    ),
)
def test_any_history_tells_each_level_once_and_none_too_early(
    conn: Connection,
    once: list[int],
    recurring: int | None,
    steps: list[tuple[int, bool, bool]],
) -> None:
    """Each step uses some, and perhaps looks, or crashes in looking."""
    world = make_world(conn, 1, CHARGES)
    listen(conn, world)
    amounts = [(str(amount), False) for amount in once]
    amounts += [] if recurring is None else [(str(recurring), True)]
    give_thresholds(conn, world, *amounts)
    before = len(told(conn))
    usage, expected = Decimal(0), set[int]()
    for number, (value, looks, crashes) in enumerate(steps):
        use(conn, world, f"s-{number}", str(value))
        usage += value
        if crashes:
            check_round(conn, JANUARY)
            conn.rollback()
        if looks or number == len(steps) - 1:
            look(conn)
            expected |= {amount for amount in once if amount <= usage}
            level = max(once, default=0) + (recurring or 0)
            while recurring and level <= usage:
                expected.add(level)
                level += recurring

    found = told(conn)[before:]
    assert sorted(found) == sorted(amount * 100 for amount in expected)
