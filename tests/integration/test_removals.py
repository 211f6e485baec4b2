"""Events that take a member of a unique count back (P2, P7, P8)."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import psycopg
import pytest

from ledger.db import Connection
from ledger.place import EPOCH
from ledger.verify import verify_books
from ledger.voiding import Identity, void_counter
from schemas.messages import Counter
from tests.ledger_world import World, counter, freeze, make_message, make_world, push

JANUARY = datetime(2026, 1, 10, 12, tzinfo=UTC)
FEBRUARY = datetime(2026, 2, 10, 12, tzinfo=UTC)
REMOVE = '{"operation_type":"remove"}'
ADD = '{"operation_type":"add"}'


def seat(name: str, *members: str, told: str | None = None, second: int = 0) -> Counter:
    at_us = (JANUARY - EPOCH) // timedelta(microseconds=1) + second * 1_000_000
    return counter(name, "unique", None, members, timestamp_us=at_us, properties=told)


@pytest.fixture
def world(conn: Connection) -> World:
    return make_world(conn, subscriptions=1)


def quantities(conn: Connection, world: World) -> list[tuple[int, bool]]:
    """The quantity of each rollup with counters, and whether it is a correction."""
    rows = conn.execute(
        "SELECT quantity, usage_start < period_start FROM rollup r JOIN metric m"
        " ON m.id = metric_id WHERE service_id = %s AND last_at IS NOT NULL"
        " ORDER BY period_start, usage_start",
        (world.service_id,),
    )
    return [(int(quantity), late) for quantity, late in rows]


def prove(url: str, world: World) -> None:
    with psycopg.connect(url) as fresh:
        (proof,) = verify_books(fresh, world.code)
    assert proof.mismatches == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_latest_event_of_a_member_decides_in_any_order(
    order: tuple[int, ...], conn: Connection, world: World, database_url: str
) -> None:
    events = [
        seat("1", "ann", "bob", second=1),
        seat("2", "ann", "bob", told=REMOVE, second=2),
        seat("3", "bob", told=ADD, second=3),
    ]

    for number in order:
        push(conn, make_message(world, [events[number]]))

    assert quantities(conn, world) == [(1, False)]
    prove(database_url, world)


def test_of_two_events_at_one_instant_the_greater_transaction_id_decides(
    conn: Connection, world: World
) -> None:
    push(conn, make_message(world, [seat("b", "ann", told=REMOVE), seat("a", "ann")]))
    assert quantities(conn, world) == [(0, False)]

    push(conn, make_message(world, [seat("c", "ann")]))

    assert quantities(conn, world) == [(1, False)]


def test_a_member_that_never_was_may_be_taken_back(
    conn: Connection, world: World, database_url: str
) -> None:
    push(conn, make_message(world, [seat("1", "ann", told=REMOVE), seat("2", "bob")]))

    assert quantities(conn, world) == [(1, False)]
    prove(database_url, world)


def test_a_removal_that_comes_late_is_a_correction_that_gives_back(
    conn: Connection, world: World, database_url: str
) -> None:
    push(conn, make_message(world, [seat("1", "ann"), seat("2", "bob")]), JANUARY)
    freeze(conn, world, FEBRUARY)

    push(conn, make_message(world, [seat("3", "bob", told=REMOVE, second=1)]), FEBRUARY)

    assert quantities(conn, world) == [(2, False), (1, True)]
    prove(database_url, world)


def test_a_voided_removal_removes_nothing(
    conn: Connection, world: World, database_url: str
) -> None:
    events = [seat("1", "ann"), seat("2", "ann", told=REMOVE, second=1)]
    push(conn, make_message(world, events), JANUARY)
    assert quantities(conn, world) == [(0, False)]

    identity = Identity("sub-0", "unique", "2")
    void_counter(conn, world.service_id, identity, JANUARY, "me", "a slip")
    conn.commit()

    assert quantities(conn, world) == [(1, False)]
    prove(database_url, world)
