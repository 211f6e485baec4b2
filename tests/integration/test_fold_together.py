"""Batches folded in one transaction come to what they come to one by one (P2 to P7)."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.batches import apply_batches, take_batches
from ledger.db import Connection
from ledger.rollups import rollups_of_service
from ledger.verify import verify_books
from schemas.messages import BatchMessage, Counter, Rejection
from tests.ledger_world import (
    AGGREGATIONS,
    NOW,
    World,
    counter,
    make_message,
    make_world,
    push,
)

SUBSCRIPTIONS = st.sampled_from(["sub-0", "sub-1", "unknown"])
IDS = st.sampled_from(["a", "b", "c", "d"])
VALUES = st.sampled_from(["1", "1.0", "-2", "x", None])
PROPERTIES = st.sampled_from([None, "{}", '{"size":1}', '{"size":"x"}', '{"a":true}'])


@st.composite
def items(draw: st.DrawFn) -> Counter:
    """One of few identities, so that duplicates and conflicts are the rule."""
    code = draw(st.sampled_from([*AGGREGATIONS, "unknown"]))
    return counter(
        draw(IDS),
        code,
        draw(VALUES),
        None,
        draw(SUBSCRIPTIONS),
        1_767_300_000_000_000 + draw(st.sampled_from([0, 0, 1])),
        draw(PROPERTIES),
        draw(st.booleans()),
    )


BATCHES = st.lists(
    st.tuples(st.lists(items(), max_size=8), st.integers(0, 1)), min_size=2, max_size=5
).filter(lambda batches: all(found or refused for found, refused in batches))


def messages_of(
    world: World, batches: Sequence[tuple[list[Counter], int]]
) -> list[BatchMessage]:
    return [
        make_message(
            world,
            counters,
            [Rejection(len(counters), None, "bad")] if refused else [],
        )
        for counters, refused in batches
    ]


def books(
    conn: Connection, world: World, messages: Sequence[BatchMessage]
) -> list[object]:
    """Everything that an app or a bill could tell apart, batches by their place."""
    ids = [message.batch_id for message in messages]
    receipts = conn.execute(
        "SELECT array_position(%s::uuid[], id), state, received, applied, duplicate,"
        " conflict, rejected, parked, deliveries, outcomes, transaction_ids, reasons"
        " FROM batch JOIN batch_outcome ON batch_id = id"
        " WHERE id = ANY(%s::uuid[]) ORDER BY 1",
        (ids, ids),
    ).fetchall()
    conflicts = conn.execute(
        "SELECT array_position(%s::uuid[], batch_id), item_index, value"
        " FROM counter_conflict WHERE service_id = %s ORDER BY 1, 2",
        (ids, world.service_id),
    ).fetchall()
    parked = conn.execute(
        "SELECT array_position(%s::uuid[], batch_id), item_index, value, reason"
        " FROM parked_counter WHERE service_id = %s ORDER BY 1, 2",
        (ids, world.service_id),
    ).fetchall()
    events = [
        {**json.loads(body)["data"], "batch_id": None}
        for (body,) in conn.execute(
            "SELECT body FROM webhook_message WHERE service_id = %s",
            (world.service_id,),
        )
    ]
    rollups = [
        replace(rollup, revision=0, pushed_revision=0)
        for rollup in rollups_of_service(conn, world.service_id)
    ]
    return [receipts, conflicts, parked, sorted(events, key=str), rollups]


def add_endpoint(conn: Connection, world: World) -> None:
    conn.execute(
        "INSERT INTO webhook_endpoint (service_id, url, secret) VALUES (%s, 'u', '')",
        (world.service_id,),
    )


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(BATCHES, st.randoms(use_true_random=False))
def test_together_they_come_to_what_they_come_to_one_by_one(
    conn: Connection,
    batches: list[tuple[list[Counter], int]],
    chance: random.Random,
) -> None:
    conn.rollback()
    one_by_one, together = make_world(conn), make_world(conn)
    for world in (one_by_one, together):
        add_endpoint(conn, world)
    alone = messages_of(one_by_one, batches)
    company = messages_of(together, batches)

    tallies = [push(conn, message) for message in alone]
    take_batches(conn, company)
    conn.commit()
    combined = apply_batches(conn, company, NOW)
    conn.commit()

    assert [combined[message.batch_id] for message in company] == tallies
    assert books(conn, together, company) == books(conn, one_by_one, alone)
    conn.rollback()
    (proof,) = verify_books(conn, together.code)
    assert proof.mismatches == []


def test_a_batch_that_was_done_before_is_left_alone(conn: Connection) -> None:
    world = make_world(conn)
    before = make_message(world, [counter("a")])
    after = make_message(world, [counter("a"), counter("b")])
    push(conn, before)

    take_batches(conn, [before, after])
    tallies = apply_batches(conn, [before, after], NOW)

    assert list(tallies) == [after.batch_id]
    tally = tallies[after.batch_id]
    assert (tally["applied"], tally["duplicate"]) == (1, 1)
