"""Parked counters that nothing brings home end in the dead letters (P4, P6, P11)."""

import json
from typing import Any

import pytest

from ledger.db import Connection
from ledger.giving_up import bury_expired, services_with_expired
from ledger.receipts import read_items
from ledger.unparking import apply_parked
from schemas.texts import check_text
from tests.ledger_world import (
    World,
    add_subscription,
    counter,
    make_message,
    push,
)
from tests.parked_world import (
    END,
    LIMIT,
    SECOND,
    bury_all,
    events,
    listening_world,
    lost,
    mismatches,
    outcomes,
    park,
)


@pytest.fixture
def world(conn: Connection) -> World:
    return listening_world(conn)


def letters(conn: Connection) -> list[tuple[str, str, Any, int]]:
    return conn.execute(
        "SELECT kind, reason, payload, service_id FROM dead_letter ORDER BY id"
    ).fetchall()


def test_the_dead_letter_has_the_counter_its_batch_and_how_long_it_waited(
    conn: Connection, world: World
) -> None:
    message = park(conn, world, [lost("a"), lost("b", members=("x", "y"), value=None)])

    bury_expired(conn, world.service_id, LIMIT, END + SECOND)

    base = {
        "batch_id": message.batch_id,
        "external_subscription_id": "sub-1",
        "code": "sum",
        "timestamp_us": message.counters[0].timestamp_us,
        "properties": None,
        "timestamp_given": True,
        "reason": "unknown_subscription",
        "parked_at": "2026-06-15T12:00:00.000000Z",
        "waited_seconds": 30 * 24 * 3600 + 1,
    }
    one = {"index": 0, "transaction_id": "a", "value": "1", "members": None}
    two = {"index": 1, "transaction_id": "b", "value": None, "members": ["x", "y"]}
    assert letters(conn) == [
        ("counter", "parked_too_long", {**base, **item}, world.service_id)
        for item in (one, two)
    ]


def test_the_receipt_says_rejected_and_why_and_the_app_is_told(
    conn: Connection, world: World
) -> None:
    items = [counter("good"), lost("a"), lost("b")]
    message = make_message(world, items)
    push(conn, message)

    bury_expired(conn, world.service_id, LIMIT, END)

    assert outcomes(conn, world, message.batch_id) == {"applied": 1, "rejected": 2}
    assert [item.reason for item in read_items(conn, message.batch_id, None, 9, 0)] == [
        None,
        "parked_too_long",
        "parked_too_long",
    ]
    assert events(conn, "batch.rejected") == [
        {
            "batch_id": message.batch_id,
            "count": 2,
            "items": [
                {"index": index, "reason": "parked_too_long"} for index in (1, 2)
            ],
        }
    ]
    conn.commit()
    assert mismatches(conn, world) == []


def test_nothing_is_given_up_before_its_time(conn: Connection, world: World) -> None:
    park(conn, world, [lost("a")])
    early = END - SECOND

    assert services_with_expired(conn, LIMIT, early) == []
    assert bury_expired(conn, world.service_id, LIMIT, early) == 0
    assert services_with_expired(conn, LIMIT, END) == [world.service_id]


def test_what_the_catalog_knows_by_now_is_applied_however_long_it_waited(
    conn: Connection, world: World
) -> None:
    message = park(conn, world, [lost("a"), lost("b", code="no-such")])
    add_subscription(conn, world.code, "sub-1")

    assert bury_all(conn, world) == 1
    assert apply_parked(conn, world.service_id, END) == 1
    assert outcomes(conn, world, message.batch_id) == {"applied": 1, "rejected": 1}
    conn.commit()
    assert mismatches(conn, world) == []


def test_giving_up_twice_is_giving_up_once(conn: Connection, world: World) -> None:
    park(conn, world, [lost("a")])

    assert bury_all(conn, world) == 1
    assert bury_all(conn, world) == 0
    assert len(letters(conn)) == 1


def test_what_does_not_commit_has_not_happened(conn: Connection, world: World) -> None:
    message = park(conn, world, [lost("a")])

    bury_expired(conn, world.service_id, LIMIT, END)
    conn.rollback()

    assert letters(conn) == []
    assert outcomes(conn, world, message.batch_id) == {"parked": 1}


def test_a_counter_that_was_given_up_may_come_again_and_counts_once(
    conn: Connection, world: World
) -> None:
    first = park(conn, world, [lost("a")])
    bury_all(conn, world)
    again = park(conn, world, [lost("a")])
    bury_all(conn, world)
    add_subscription(conn, world.code, "sub-1")
    conn.commit()

    tally = push(conn, make_message(world, [lost("a"), lost("a")]))

    assert (tally["applied"], tally["duplicate"]) == (1, 1)
    assert [row[2]["batch_id"] for row in letters(conn)] == [again.batch_id]
    assert outcomes(conn, world, first.batch_id) == {"rejected": 1}
    assert mismatches(conn, world) == []


def test_ids_that_look_alike_when_joined_stay_apart(
    conn: Connection, world: World
) -> None:
    alike = [
        ("s", 'a","b', "c"),
        ("s", "a", 'b","c'),
        ("s/a", "b", "c"),
        ("s", "a/b", "c"),
    ]
    for subscription, code, transaction_id in alike:
        item = counter(transaction_id, code, subscription=subscription)
        park(conn, world, [item])

    bury_all(conn, world)

    rows = conn.execute("SELECT source_id FROM dead_letter").fetchall()
    assert {tuple(json.loads(row[0])) for row in rows} == {
        (world.service_id, *identity) for identity in alike
    }


def test_the_longest_ids_find_a_place(conn: Connection, world: World) -> None:
    longest = [
        check_text(
            "".join(chr(0x10000 + 977 * n % 90_000) for n in range(start, end))
            + '"' * 85
        )
        for start, end in ((1, 171), (200, 370), (400, 570))
    ]
    subscription, code, transaction_id = longest
    park(conn, world, [counter(transaction_id, code, subscription=subscription)])

    assert bury_all(conn, world) == 1
