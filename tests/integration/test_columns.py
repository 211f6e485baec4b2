"""Counters that go as the text of arrays, or of COPY, arrive as they were."""

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.columns import text_array
from ledger.db import Connection
from ledger.rollups import rollups_of_service
from tests.ledger_world import counter, make_message, make_world, push

ODD = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
KNOWN = st.sampled_from(["", "NULL", "null", '"', "\\", "{}", ",", " a ", '\\"', "é"])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ODD | KNOWN) | st.lists(st.none() | ODD | KNOWN))
def test_any_texts_arrive_as_they_were(
    conn: Connection, texts: list[str | None]
) -> None:
    row = conn.execute("SELECT %s::text[]", (text_array(texts),)).fetchone()

    assert row == (texts,)


@pytest.mark.parametrize("texts", [["a\0b"], ["a", "\0"], ["\0", None]])
def test_a_nul_is_refused_as_data(conn: Connection, texts: list[str | None]) -> None:
    with pytest.raises(psycopg.DataError):
        conn.execute("SELECT %s::text[]", (text_array(texts),))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(ODD | KNOWN, st.lists(ODD | KNOWN, min_size=1), min_size=1))
def test_any_counters_are_stored_as_they_came(
    conn: Connection, members_of: dict[str, list[str]]
) -> None:
    world = make_world(conn)
    items = [counter(n, "unique", None, tuple(m)) for n, m in members_of.items()]

    message = make_message(world, items)
    push(conn, message)

    stored = conn.execute(
        "SELECT transaction_id, members FROM counter WHERE batch_id = %s",
        (message.batch_id,),
    ).fetchall()
    assert dict(stored) == {n: sorted(set(m)) for n, m in members_of.items()}


def test_a_nul_in_a_transaction_id_is_refused_as_data(conn: Connection) -> None:
    world = make_world(conn)

    with pytest.raises(psycopg.DataError):
        push(conn, make_message(world, [counter("a\0b"), counter("c")]))


def test_a_batch_of_which_one_is_known_gains_the_others(conn: Connection) -> None:
    world = make_world(conn)
    push(conn, make_message(world, [counter("known", value="2")]))
    items = [counter(name, value="3") for name in ("before", "known", "last")]

    tally = push(conn, make_message(world, items))

    (rollup,) = rollups_of_service(conn, world.service_id)
    assert (tally["applied"], tally["conflict"]) == (2, 1)
    assert (int(rollup.quantity), rollup.counters, rollup.revision) == (8, 3, 2)
