"""Rejected counters are told of in the next hour's event, once each (P6)."""

import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from ledger.db import Connection
from ledger.parked_reports import report_errors, services_to_report
from ledger.unparking import apply_parked
from tests.ledger_world import (
    NOW,
    NOW_US,
    World,
    add_subscription,
    counter,
    event,
    make_message,
    make_world,
    push,
)
from tests.parked_world import events, listen, lost
from workers.parked import review_parked

HOUR = timedelta(hours=1)
YEAR_US = 365 * 24 * 3600 * 1_000_000
EVENT = "events.errors"
NOTHING: dict[str, list[str]] = {
    "invalid_code": [],
    "missing_aggregation_property": [],
    "unknown_subscription": [],
    "invalid_value": [],
    "outside_subscription": [],
    "other": [],
}


@pytest.fixture
def world(conn: Connection) -> World:
    """Every metric but count has its value in ``size``."""
    world = make_world(conn, subscriptions=1)
    listen(conn, world)
    conn.execute("UPDATE metric SET field_name = 'size' WHERE code <> 'count'")
    conn.commit()
    return world


def pushed(conn: Connection, world: World, *counters: Any) -> None:
    push(conn, make_message(world, counters))


def told(conn: Connection, world: World, at: Any = NOW) -> Any:
    """The event that is told then; None when there is none."""
    before = len(events(conn, EVENT))
    report_errors(conn, world.service_id, at)
    conn.commit()
    after = events(conn, EVENT)
    return after[-1] if len(after) > before else None


def test_each_rejected_event_stands_in_the_list_of_its_fault(
    conn: Connection, world: World
) -> None:
    members = counter("several", value=None, members=("a", "b"))
    pushed(
        conn,
        world,
        event("none", '{"a":1}'),
        event("null", '{"size":null}'),
        event("text", '{"size":"x"}'),
        event("much", '{"size":"' + "1" * 31 + '"}', "max"),
        counter("early", timestamp_us=NOW_US - YEAR_US),
        members,
        event("good", '{"size":1}'),
    )

    assert services_to_report(conn, NOW) == [world.service_id]
    data = told(conn, world)
    assert data["events_errors"] == {
        **NOTHING,
        "missing_aggregation_property": ["none", "null"],
        "invalid_value": ["much", "text"],
        "outside_subscription": ["early"],
        "other": ["several"],
    }
    assert (data["code"], data["count"], data["items"]) == ("rejected", 0, [])
    assert data["oldest_parked_at"] is None
    assert data["rejected"]["count"] == 6
    assert data["rejected"]["counts"][0] == {
        "external_subscription_id": "sub-0",
        "code": "sum",
        "reason": "property_missing",
        "count": 2,
    }


def test_a_rejected_event_is_told_once(conn: Connection, world: World) -> None:
    pushed(conn, world, event("a", None))
    assert told(conn, world) is not None

    assert services_to_report(conn, NOW + 2 * HOUR) == []
    assert told(conn, world, NOW + 2 * HOUR) is None


def test_an_hour_has_one_event_which_has_all_of_it(
    conn: Connection, world: World
) -> None:
    pushed(conn, world, event("first", None))
    assert told(conn, world)["rejected"]["count"] == 1
    for minute in range(1, 60):
        pushed(conn, world, event(f"t{minute}", None))
        at = NOW + timedelta(minutes=minute)
        assert services_to_report(conn, at) == []
        assert told(conn, world, at) is None

    data = told(conn, world, NOW + HOUR)

    assert data["rejected"]["count"] == 59
    ids = data["events_errors"]["missing_aggregation_property"]
    assert ids == [f"t{minute}" for minute in range(1, 21)]


def test_what_waits_and_what_was_rejected_are_told_in_one_event(
    conn: Connection, world: World
) -> None:
    pushed(conn, world, lost("p"), lost("q", code="unknown"))
    pushed(conn, world, counter("c", code="unknown"))
    pushed(conn, world, event("r", None))

    data = told(conn, world, NOW + HOUR)

    assert data["events_errors"] == {
        **NOTHING,
        "invalid_code": ["c"],
        "missing_aggregation_property": ["r"],
        "unknown_subscription": ["p", "q"],
    }
    assert (data["code"], data["count"]) == ("parked_too_long", 3)
    assert data["rejected"]["count"] == 1


def test_what_is_rejected_when_it_leaves_the_parking_lot_is_told(
    conn: Connection, world: World
) -> None:
    """It was reported as parked an hour before, with another fault."""
    late = counter("p", value=None, subscription="sub-1", properties='{"a":1}')
    pushed(conn, world, late)
    assert told(conn, world, NOW + HOUR)["count"] == 1
    add_subscription(conn, world.code, "sub-1")
    apply_parked(conn, world.service_id, NOW + HOUR)
    conn.commit()

    data = told(conn, world, NOW + 2 * HOUR)

    assert data["events_errors"]["missing_aggregation_property"] == ["p"]


def test_a_report_that_does_not_commit_loses_nothing(
    conn: Connection, world: World
) -> None:
    pushed(conn, world, event("a", None))
    report_errors(conn, world.service_id, NOW)
    conn.rollback()

    assert told(conn, world)["rejected"]["count"] == 1


def test_a_batch_that_is_not_applied_is_not_told_of(
    conn: Connection, world: World
) -> None:
    message = make_message(world, [event("a", None)])
    push(conn, message)
    push(conn, message)

    assert told(conn, world)["rejected"]["count"] == 1


def test_tenants_are_told_apart(conn: Connection, world: World) -> None:
    other = make_world(conn, subscriptions=1)
    pushed(conn, world, event("mine", None))
    pushed(conn, other, event("theirs", None))

    assert services_to_report(conn, NOW) == [world.service_id, other.service_id]
    report_errors(conn, other.service_id, NOW)
    lists = told(conn, world)["events_errors"]

    assert lists["missing_aggregation_property"] == ["mine"]


def test_an_event_of_very_many_errors_stays_small(
    conn: Connection, world: World
) -> None:
    for number in range(60):
        add_subscription(conn, world.code, f"{number:02}" + "s" * 200)
    conn.commit()
    bad = [
        counter(
            f"{number:03}" + "t" * 200,
            value=None,
            subscription=f"{number % 60:02}" + "s" * 200,
            properties="{}",
        )
        for number in range(900)
    ]
    pushed(conn, world, *bad)

    data = told(conn, world)

    assert (data["rejected"]["count"], data["rejected"]["groups"]) == (900, 60)
    assert len(data["rejected"]["counts"]) == 50
    assert len(data["events_errors"]["missing_aggregation_property"]) == 100
    row = conn.execute("SELECT max(length(body)) FROM webhook_message").fetchone()
    conn.commit()
    assert row is not None
    assert row[0] < 100_000


def test_the_log_says_how_many_and_no_values(
    database_url: str, conn: Connection, world: World
) -> None:
    pushed(conn, world, event("a", '{"size":"secret"}'))

    with capture_logs() as lines:
        review_parked(database_url, timedelta(days=30), lambda: NOW)
        review_parked(database_url, timedelta(days=30), lambda: NOW)

    assert lines == [
        {
            "event": "counters_not_counted",
            "log_level": "warning",
            "service": world.code,
            "parked": 0,
            "oldest": None,
            "rejected": 1,
            "external_subscription_ids": ("sub-0",),
        }
    ]


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    batches=st.lists(
        st.lists(st.sampled_from(["x", "1", None]), min_size=1, max_size=8),
        min_size=1,
        max_size=4,
    ),
    reports=st.sets(st.integers(0, 3)),
)
def test_every_rejected_counter_is_told_of_exactly_once(
    conn: Connection, batches: list[list[str | None]], reports: set[int]
) -> None:
    world = make_world(conn, subscriptions=1)
    listen(conn, world)
    conn.execute("UPDATE metric SET field_name = 'size'")
    conn.commit()
    at, total, names = NOW, 0, iter(range(1_000))
    for number, sizes in enumerate(batches):
        bad = [
            event(f"{next(names)}", None if size is None else f'{{"size":"{size}"}}')
            for size in sizes
        ]
        pushed(conn, world, *bad)
        if number in reports:
            at += HOUR
            report = report_errors(conn, world.service_id, at)
            total += report.rejected if report else 0
    report = report_errors(conn, world.service_id, at + HOUR)
    conn.commit()
    total += report.rejected if report else 0

    assert total == sum(size != "1" for sizes in batches for size in sizes)


def test_of_folds_and_reports_at_once_none_loses_an_error(
    database_url: str, conn: Connection, world: World
) -> None:
    messages = [
        make_message(
            world,
            [event(f"{number}-{n}", None, ("sum", "max")[n % 2]) for n in range(10)],
        )
        for number in range(20)
    ]
    failures: list[Exception] = []

    def work(mine: list[Any]) -> None:
        try:
            with psycopg.connect(database_url) as own:
                for message in mine:
                    push(own, message)
        except Exception as error:  # whatever ends a thread is shown
            failures.append(error)

    threads = [threading.Thread(target=work, args=(messages[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    counts, at = 0, NOW
    while any(thread.is_alive() for thread in threads) or services_to_report(conn, at):
        conn.commit()
        at += HOUR
        report = report_errors(conn, world.service_id, at)
        conn.commit()
        counts += 0 if report is None else report.rejected
    for thread in threads:
        thread.join()

    assert failures == []
    assert counts == 200
