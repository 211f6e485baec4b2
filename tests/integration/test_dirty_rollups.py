"""A rollup is dirty while the bridge has something to push; folding it stays cheap."""

from ledger.batches import apply_batch, take_batch
from ledger.db import Connection
from tests.ledger_world import NOW, counter, make_message, make_world, push

IN_PLACE = "SELECT pg_stat_get_xact_tuples_hot_updated('rollup'::regclass)"


def test_a_rollup_is_dirty_until_its_revision_is_pushed(conn: Connection) -> None:
    world = make_world(conn)
    push(conn, make_message(world, [counter("t")]))
    seen = [conn.execute("SELECT dirty FROM rollup").fetchone()]

    conn.execute("UPDATE rollup SET pushed_revision = revision")

    seen.append(conn.execute("SELECT dirty FROM rollup").fetchone())
    assert seen == [(True,), (False,)]


def test_a_fold_into_a_dirty_rollup_writes_no_index_entry(conn: Connection) -> None:
    world = make_world(conn)
    push(conn, make_message(world, [counter("a")]))
    message = make_message(world, [counter("b")])
    take_batch(conn, message)

    apply_batch(conn, message, NOW)

    assert conn.execute(IN_PLACE).fetchone() == (1,)
