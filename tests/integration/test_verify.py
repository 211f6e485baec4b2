"""verify finds what was altered, and names it (P4)."""

import psycopg
import pytest

from ledger.db import Connection
from ledger.keys import ServiceUnknown
from ledger.verify import verify_books
from tests.ledger_world import counter, make_message, make_world, push

ALTERATIONS = {
    "rollup": "UPDATE rollup SET quantity = quantity + 0.000001 WHERE counters = 3",
    "rollup ": "DELETE FROM rollup WHERE counters = 3",
    "counters": "DELETE FROM counter WHERE transaction_id = 't2'",
    "rollup  ": "UPDATE counter SET value = 7 WHERE transaction_id = 't2'",
    "batch": "UPDATE batch SET applied = applied - 1, duplicate = duplicate + 1",
    "counter": "UPDATE counter SET occurred_at = occurred_at + interval '40 days'"
    " WHERE transaction_id = 't1'",
    "parked": "DELETE FROM parked_counter",
    "conflict": "DELETE FROM counter_conflict",
    "members": "DELETE FROM unique_member WHERE member = 'ann'",
    "members ": "UPDATE unique_member SET member = 'bob'",
    "rollup   ": "UPDATE rollup SET last_transaction_id = 't9' WHERE counters = 3",
    "period": "UPDATE rollup SET pushed_revision = 9 WHERE counters = 3",
}


@pytest.mark.altered_books
@pytest.mark.parametrize("kind", ALTERATIONS)
def test_a_single_altered_row_is_found(
    kind: str, database_url: str, conn: Connection
) -> None:
    world = make_world(conn)
    items = [
        counter("t1"),
        counter("t2"),
        counter("t3"),
        counter("t3", value="2"),
        counter("u", code="unique", value="ann"),
        counter("p", code="unknown"),
    ]
    push(conn, make_message(world, items))
    with psycopg.connect(database_url) as fresh:
        assert verify_books(fresh, world.code)[0].mismatches == []
    with psycopg.connect(database_url) as vandal:
        assert vandal.execute(ALTERATIONS[kind].encode()).rowcount == 1

    with psycopg.connect(database_url) as fresh:
        (proof,) = verify_books(fresh, world.code)

    assert kind.strip() in {mismatch.kind for mismatch in proof.mismatches}


def test_an_unknown_service_is_told(database_url: str) -> None:
    with psycopg.connect(database_url) as fresh, pytest.raises(ServiceUnknown):
        verify_books(fresh, "nobody")
