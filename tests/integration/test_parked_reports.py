"""Counters that wait longer than an hour, or are rejected, are told once each (P6)."""

import threading
from datetime import timedelta

import psycopg
import pytest
from psycopg import sql
from structlog.testing import capture_logs

from ledger.backlog import read_backlog
from ledger.db import Connection
from ledger.parked_reports import report_errors, services_to_report
from ledger.status import read_status
from ledger.unparking import apply_parked
from tests.ledger_world import NOW, World, add_subscription, counter, make_world
from tests.parked_world import DAY, SECOND, events, listen, park
from workers.parked import review_parked

HOUR = timedelta(hours=1)
EVENT = "events.errors"


@pytest.fixture
def world(conn: Connection) -> World:
    """A service without subscriptions, so that all it pushes is parked."""
    world = make_world(conn, subscriptions=0)
    listen(conn, world)
    return world


def test_the_event_has_counts_by_cause_the_oldest_and_the_counters(
    conn: Connection, world: World
) -> None:
    add_subscription(conn, world.code, "known")
    first = park(
        conn, world, [counter("a"), counter("b"), counter("c", subscription="s")]
    )
    second = park(conn, world, [counter("d", "x", subscription="known")], NOW + SECOND)

    report_errors(conn, world.service_id, NOW + HOUR + SECOND)

    causes = [
        ("sub-0", "sum", "unknown_subscription"),
        ("known", "x", "unknown_metric"),
        ("s", "sum", "unknown_subscription"),
    ]
    keys = ("external_subscription_id", "code", "reason")
    (event,) = events(conn, EVENT)
    assert event == {
        "events_errors": {
            "invalid_code": ["d"],
            "missing_aggregation_property": [],
            "unknown_subscription": ["a", "b", "c"],
            "invalid_value": [],
            "outside_subscription": [],
            "other": [],
        },
        "rejected": {"count": 0, "groups": 0, "counts": []},
        "code": "parked_too_long",
        "count": 4,
        "oldest_parked_at": "2026-06-15T12:00:00.000000Z",
        "groups": 3,
        "counts": [
            {**dict(zip(keys, cause, strict=True)), "count": count}
            for cause, count in zip(causes, (2, 1, 1), strict=True)
        ],
        "items": [
            {
                "transaction_id": name,
                **dict(zip(keys, causes[cause], strict=True)),
                "timestamp": "2026-06-15T12:00:00.000000Z",
                "batch_id": batch.batch_id,
            }
            for name, cause, batch in (
                ("a", 0, first),
                ("b", 0, first),
                ("c", 2, first),
                ("d", 1, second),
            )
        ],
    }


def test_what_waits_for_less_than_an_hour_is_not_reported(
    conn: Connection, world: World
) -> None:
    park(conn, world, [counter("a")])
    just_before = NOW + HOUR - SECOND

    assert services_to_report(conn, just_before) == []
    assert report_errors(conn, world.service_id, just_before) is None
    assert services_to_report(conn, NOW + HOUR) == [world.service_id]


def test_each_counter_is_reported_once_and_the_next_in_its_turn(
    conn: Connection, world: World
) -> None:
    park(conn, world, [counter("a")])
    park(conn, world, [counter("b"), counter("c")], NOW + 2 * HOUR)

    for minutes in range(0, 6 * 60, 10):
        report_errors(conn, world.service_id, NOW + HOUR + timedelta(minutes=minutes))

    told = [
        [item["transaction_id"] for item in e["items"]] for e in events(conn, EVENT)
    ]
    assert told == [["a"], ["b", "c"]]
    assert services_to_report(conn, NOW + 9 * DAY) == []


def test_a_service_gets_one_event_an_hour_and_misses_nothing(
    conn: Connection, world: World
) -> None:
    for minute in range(90):
        park(conn, world, [counter(f"t{minute}")], NOW + timedelta(minutes=minute))

    for minute in range(180):
        report_errors(conn, world.service_id, NOW + HOUR + timedelta(minutes=minute))

    assert [event["count"] for event in events(conn, EVENT)] == [1, 60, 29]


def test_a_long_event_is_cut_and_says_how_much_there_is(
    conn: Connection, world: World
) -> None:
    items = [counter(f"t{n:03}", subscription=f"s{n // 2:03}") for n in range(300)]
    park(conn, world, [*items, counter("more", subscription="s149")])

    report_errors(conn, world.service_id, NOW + HOUR)

    (event,) = events(conn, EVENT)
    assert (event["count"], event["groups"]) == (301, 150)
    assert (len(event["counts"]), len(event["items"])) == (100, 100)
    assert event["counts"][0]["external_subscription_id"] == "s149"


def test_a_report_that_does_not_commit_is_made_again(
    conn: Connection, world: World
) -> None:
    park(conn, world, [counter("a")])
    report_errors(conn, world.service_id, NOW + HOUR)
    conn.rollback()

    again = report_errors(conn, world.service_id, NOW + HOUR)

    assert again is not None
    assert len(events(conn, EVENT)) == 1


def test_of_two_at_once_one_reports(
    database_url: str, conn: Connection, world: World
) -> None:
    park(conn, world, [counter("a")])
    reports = []

    def report() -> None:
        with psycopg.connect(database_url) as own:
            reports.append(report_errors(own, world.service_id, NOW + HOUR))

    threads = [threading.Thread(target=report) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len([report for report in reports if report]) == 1
    assert len(events(conn, EVENT)) == 1


def test_tenants_are_reported_apart(conn: Connection, world: World) -> None:
    other = make_world(conn, subscriptions=0)
    park(conn, world, [counter("mine")])
    park(conn, other, [counter("theirs")])

    for service_id in services_to_report(conn, NOW + HOUR):
        report_errors(conn, service_id, NOW + HOUR)

    (event,) = events(conn, EVENT)
    assert [item["transaction_id"] for item in event["items"]] == ["mine"]


def test_the_log_has_one_line_for_each_service_with_ids_and_no_values(
    database_url: str, conn: Connection, world: World
) -> None:
    other = make_world(conn, subscriptions=0)
    ids = [f"s{number}" for number in range(7)]
    park(conn, world, [counter("a", value="987654", subscription=s) for s in ids])
    park(conn, other, [counter("a"), counter("b")])

    with capture_logs() as lines:
        review_parked(database_url, 30 * DAY, lambda: NOW + HOUR)
        review_parked(database_url, 30 * DAY, lambda: NOW + HOUR)

    same = {
        "event": "counters_not_counted",
        "log_level": "warning",
        "oldest": "2026-06-15T12:00:00+00:00",
        "rejected": 0,
    }
    assert lines == [
        {
            **same,
            "service": world.code,
            "parked": 7,
            "external_subscription_ids": tuple(ids[:5]),
        },
        {
            **same,
            "service": other.code,
            "parked": 2,
            "external_subscription_ids": ("sub-0",),
        },
    ]


def test_one_service_s_fault_keeps_no_other_from_its_report(
    database_url: str, conn: Connection, world: World
) -> None:
    bad = make_world(conn, subscriptions=0)
    for each in (world, bad):
        park(conn, each, [counter("a")])
    conn.execute(
        sql.SQL("ALTER TABLE parked_report ADD CHECK (service_id <> {})").format(
            bad.service_id
        )
    )
    conn.commit()

    with capture_logs() as lines:
        review_parked(database_url, 30 * DAY, lambda: NOW + HOUR)

    told = {line["event"]: line.get("service") for line in lines}
    assert told == {"counters_not_counted": world.code, "parked_not_reported": None}


def test_status_and_metrics_tell_how_many_wait_and_for_how_long(
    conn: Connection, world: World
) -> None:
    before = read_status(conn)
    park(conn, world, [counter("old")], NOW - DAY)
    park(conn, world, [counter("new", code="max")])

    status, backlog = read_status(conn), read_backlog(conn, NOW)

    assert (before.parked, before.oldest_parked_at) == (0, None)
    assert (status.parked, status.oldest_parked_at) == (2, NOW - DAY)
    assert (backlog.counters_parked, backlog.counters_parked_too_long) == (2, 1)


def test_what_was_reported_is_still_applied(conn: Connection, world: World) -> None:
    park(conn, world, [counter("a")])
    report_errors(conn, world.service_id, NOW + HOUR)
    add_subscription(conn, world.code, "sub-0")

    assert apply_parked(conn, world.service_id, NOW + 2 * DAY) == 1
    assert read_backlog(conn, NOW + 2 * DAY).counters_parked_too_long == 0
