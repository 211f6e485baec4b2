"""Leases, caps and fences of the claim, by the clock that is passed in."""

from collections import Counter as Tally
from datetime import UTC, datetime, timedelta

import pytest

from ledger.db import Connection, connect
from ledger.webhooks import (
    IN_FLIGHT_PER_ENDPOINT,
    IN_FLIGHT_TOTAL,
    IN_FLIGHT_WHILE_FAILING,
    LEASE,
    Claim,
    Outcome,
    claim_deliveries,
    finish_deliveries,
)
from tests.ledger_world import World, make_world
from tests.webhook_world import add_endpoint, attempts, enqueue, states
from workers.webhooks.dialling import TOTAL_TIMEOUT_SECONDS
from workers.webhooks.exchange import Answer
from workers.webhooks.pumping import MAX_LOST, judge_attempt


@pytest.fixture
def world(conn: Connection) -> World:
    return make_world(conn)


def later(**parts: float) -> datetime:
    return datetime.now(UTC) + timedelta(**parts)


def add_endpoints(conn: Connection, world: World, count: int) -> None:
    for number in range(count):
        add_endpoint(conn, world.code, f"http://127.0.0.1:2/{number}")


def finish(conn: Connection, claims: list[Claim], outcome: Outcome) -> int:
    now = later()
    results = [judge_attempt(claim, Answer(outcome), now, now) for claim in claims]
    return len(finish_deliveries(conn, results))


def test_no_more_is_claimed_than_the_caps_let_through(
    conn: Connection, world: World
) -> None:
    add_endpoints(conn, world, 10)
    enqueue(conn, world.service_id, 30)

    first = claim_deliveries(conn, later())
    none = claim_deliveries(conn, later())
    finish(conn, first[:5], Outcome.DELIVERED)
    more = claim_deliveries(conn, later())

    assert len(first) == IN_FLIGHT_TOTAL
    per_endpoint = Tally(claim.endpoint_id for claim in first)
    assert max(per_endpoint.values()) <= IN_FLIGHT_PER_ENDPOINT
    assert none == []
    assert len(more) == 5


def test_an_endpoint_with_nothing_in_flight_finds_a_place_beyond_the_total(
    conn: Connection, world: World
) -> None:
    add_endpoints(conn, world, 10)
    enqueue(conn, world.service_id, 30)
    full = claim_deliveries(conn, later())

    late, _ = add_endpoint(conn, world.code, "http://127.0.0.1:2/late")
    enqueue(conn, world.service_id, 30)
    more = claim_deliveries(conn, later())

    assert len(full) == IN_FLIGHT_TOTAL
    assert [claim.endpoint_id for claim in more] == [late]


def test_places_go_round_the_endpoints(conn: Connection, world: World) -> None:
    add_endpoints(conn, world, 10)
    enqueue(conn, world.service_id, 30)

    claims = claim_deliveries(conn, later(), in_total=25)

    per_endpoint = Tally(claim.endpoint_id for claim in claims)
    assert sorted(per_endpoint.values()) == [2] * 5 + [3] * 5


def test_an_endpoint_that_fails_has_few_places_until_it_succeeds(
    conn: Connection, world: World
) -> None:
    add_endpoints(conn, world, 1)
    enqueue(conn, world.service_id, 60)
    first = claim_deliveries(conn, later())
    finish(conn, first, Outcome.TIMEOUT)

    few = claim_deliveries(conn, later())
    none = claim_deliveries(conn, later())
    finish(conn, few[:1], Outcome.HTTP_STATUS)
    one = claim_deliveries(conn, later())
    finish(conn, one, Outcome.DELIVERED)
    many = claim_deliveries(conn, later())

    assert len(first) == IN_FLIGHT_PER_ENDPOINT
    assert len(few) == IN_FLIGHT_WHILE_FAILING
    assert (len(none), len(one)) == (0, 1)
    assert len(many) == IN_FLIGHT_PER_ENDPOINT - 1


def test_two_claims_at_once_never_take_the_same_delivery(
    conn: Connection, world: World, database_url: str
) -> None:
    add_endpoints(conn, world, 3)
    enqueue(conn, world.service_id, 40)

    with connect(database_url) as other:
        mine = claim_deliveries(conn, later())
        theirs = claim_deliveries(other, later())
        conn.commit()

    taken = [(claim.endpoint_id, claim.message_id) for claim in mine + theirs]
    assert len(mine) == len(theirs) == 3 * IN_FLIGHT_PER_ENDPOINT
    assert len(set(taken)) == len(taken)


def test_a_lease_that_ran_out_is_a_lost_attempt_and_claimed_again(
    conn: Connection, world: World
) -> None:
    add_endpoints(conn, world, 1)
    enqueue(conn, world.service_id)
    (first,) = claim_deliveries(conn, later())

    in_time = claim_deliveries(conn, first.lease_until - timedelta(seconds=1))
    (second,) = claim_deliveries(conn, first.lease_until + timedelta(seconds=1))

    assert in_time == []
    assert (second.message_id, second.attempt) == (first.message_id, 2)
    assert (second.failures, second.lost) == (0, 1)
    conn.commit()
    assert attempts(conn) == [(1, None, "worker_lost")]


def test_a_lease_outlives_the_longest_exchange_twice() -> None:
    assert LEASE.total_seconds() >= 2 * TOTAL_TIMEOUT_SECONDS


def test_a_result_that_comes_after_its_lease_changes_nothing(
    conn: Connection, world: World
) -> None:
    add_endpoints(conn, world, 1)
    enqueue(conn, world.service_id)
    first = claim_deliveries(conn, later())
    second = claim_deliveries(conn, later(minutes=5))

    overtaken = finish(conn, first, Outcome.GONE)
    taken = finish(conn, second, Outcome.DELIVERED)
    twice = finish(conn, second, Outcome.HTTP_STATUS)
    conn.commit()

    assert (overtaken, taken, twice) == (0, 1, 0)
    assert attempts(conn) == [(1, None, "worker_lost"), (2, None, "delivered")]
    assert states(conn) == {"delivered": 1}
    assert conn.execute("SELECT enabled FROM webhook_endpoint").fetchone() == (True,)


def test_lost_workers_do_not_exhaust_a_delivery_but_have_an_end(
    conn: Connection, world: World
) -> None:
    add_endpoints(conn, world, 1)
    enqueue(conn, world.service_id)
    for number in range(MAX_LOST + 2):
        (claim,) = claim_deliveries(conn, later(minutes=number))

    assert (claim.failures, claim.lost) == (0, MAX_LOST + 1)
    finish(conn, [claim], Outcome.WORKER_LOST)
    conn.commit()
    assert states(conn) == {"dead": 1}
    reason = conn.execute("SELECT reason FROM dead_letter").fetchone()
    assert reason == ("worker_lost",)


def test_a_disabled_endpoint_is_not_claimed(conn: Connection, world: World) -> None:
    add_endpoints(conn, world, 1)
    enqueue(conn, world.service_id)
    conn.execute("UPDATE webhook_endpoint SET enabled = false")

    assert claim_deliveries(conn, later()) == []
