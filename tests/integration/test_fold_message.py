"""What a worker does with a message that it cannot apply (P11)."""

import signal
from collections.abc import Callable, Iterator

import psycopg
import pytest
from celery.exceptions import SoftTimeLimitExceeded

from ledger.batches import apply_batch, take_batch
from ledger.db import Connection, pool_of
from ledger.rollups import rollups_of_service
from schemas.batch_wire import encode_batch
from tests.ledger_world import NOW, counter, make_message, make_world
from tests.waiting import wait_until
from workers.fold import Trouble, fold_message


@pytest.fixture
def time_is_up() -> Iterator[Callable[[float], None]]:
    """Ends what runs after so many seconds, as a worker ends a task of its."""

    def end(*_: object) -> None:
        raise SoftTimeLimitExceeded

    before = signal.signal(signal.SIGALRM, end)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds) and None
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def dead_letters(conn: Connection) -> list[tuple[object, ...]]:
    conn.rollback()
    return conn.execute(
        "SELECT kind, source_id, reason, attempts FROM dead_letter ORDER BY id"
    ).fetchall()


def test_a_message_that_is_none_is_buried_with_its_payload(
    database_url: str, conn: Connection
) -> None:
    body = {"version": 1, "text": "\0 and \ud800"}

    tally = fold_message(database_url, body, "m-1", 3, NOW)

    assert not tally
    assert dead_letters(conn) == [("batch", "m-1", "message_invalid", 1)]


def test_a_batch_that_killed_its_worker_too_often_is_buried(
    database_url: str, conn: Connection
) -> None:
    world = make_world(conn)
    message = make_message(world, [counter("t")])
    for _ in range(3):
        take_batch(conn, message)
        conn.commit()

    fold_message(database_url, encode_batch(message), "m", 3, NOW)

    assert dead_letters(conn) == [("batch", message.batch_id, "worker_lost", 4)]
    state = conn.execute("SELECT state, error FROM batch").fetchone()
    assert state == ("dead", "worker_lost")
    assert rollups_of_service(conn, world.service_id) == []


@pytest.mark.altered_books
def test_a_fault_of_ours_is_tried_again_and_then_buried_with_its_traceback(
    database_url: str, conn: Connection
) -> None:
    world = make_world(conn)
    message = encode_batch(make_message(world, [counter("t")]))
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("ALTER TABLE rollup RENAME TO rollup_gone")

    for _ in range(2):
        with pytest.raises(Trouble):
            fold_message(database_url, message, "m", 3, NOW)
    fold_message(database_url, message, "m", 3, NOW)

    assert dead_letters(conn) == [("batch", message["batch_id"], "failed", 3)]
    row = conn.execute("SELECT detail FROM dead_letter").fetchone()
    assert row is not None
    assert "UndefinedTable" in row[0]


def test_trouble_with_the_database_is_not_counted_against_the_message(
    database_url: str, conn: Connection
) -> None:
    world = make_world(conn)
    message = encode_batch(make_message(world, [counter("t", value="2")]))
    conn.execute("LOCK TABLE counter")

    for _ in range(2):
        with pytest.raises(Trouble):
            fold_message(database_url, message, "m", 1, NOW)
    conn.rollback()
    tally = fold_message(database_url, message, "m", 1, NOW)

    assert tally["applied"] == 1
    assert dead_letters(conn) == []


def test_a_batch_that_always_times_out_is_buried_in_the_end(
    database_url: str, conn: Connection
) -> None:
    world = make_world(conn)
    message = encode_batch(make_message(world, [counter("t")]))
    conn.execute(
        """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           RAISE 'too long' USING ERRCODE = '57014'; END $$"""
    )
    conn.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON counter EXECUTE FUNCTION refuse()"
    )
    conn.commit()

    for _ in range(2):
        with pytest.raises(Trouble):
            fold_message(database_url, message, "m", 3, NOW)
    fold_message(database_url, message, "m", 3, NOW)

    assert dead_letters(conn) == [("batch", message["batch_id"], "failed", 3)]


def test_a_batch_whose_tasks_time_is_always_over_is_buried_in_the_end(
    database_url: str, conn: Connection, time_is_up: Callable[[float], None]
) -> None:
    world = make_world(conn)
    message = encode_batch(make_message(world, [counter("t")]))

    def others() -> int:
        row = conn.execute(
            "SELECT count(*) FROM pg_locks WHERE relation = 'batch'::regclass"
            " AND pid <> pg_backend_pid()"
        ).fetchone()
        assert row is not None
        return int(row[0])

    for _ in range(2):
        conn.execute("LOCK TABLE counter")
        time_is_up(0.5)
        with pytest.raises(Trouble):
            fold_message(database_url, message, "m", 3, NOW)
        conn.rollback()
        wait_until(lambda: others() == 0, "its statement has ended as well")
    conn.execute("LOCK TABLE counter")
    time_is_up(0.5)
    fold_message(database_url, message, "m", 3, NOW)

    assert dead_letters(conn) == [("batch", message["batch_id"], "failed", 3)]


def test_ids_too_long_for_an_index_are_buried_and_stop_nobody(
    database_url: str, conn: Connection
) -> None:
    world = make_world(conn)
    long = "".join(chr(0x10000 + n * 977 % 0xFFFF) for n in range(900))
    message = make_message(world, [counter(long, code="unknown", subscription=long)])

    fold_message(database_url, encode_batch(message), "m", 3, NOW)

    assert dead_letters(conn) == [("batch", message.batch_id, "data_refused", 1)]


def test_a_message_of_an_unknown_service_is_buried(
    database_url: str, conn: Connection
) -> None:
    message = {**encode_batch(make_message(make_world(conn), [counter("t")]))}
    message["service_id"] = 999_999

    fold_message(database_url, message, "m-7", 3, NOW)

    assert dead_letters(conn) == [("batch", "m-7", "data_refused", 1)]


def test_a_batch_whose_row_a_crash_took_is_applied_all_the_same(
    database_url: str, conn: Connection
) -> None:
    world = make_world(conn)
    message = make_message(world, [counter("t", value="2")])
    take_batch(conn, message)
    conn.rollback()  # as a crash of PostgreSQL may: nobody waited for the disk

    tally = apply_batch(conn, message, NOW)
    conn.commit()

    assert tally["applied"] == 1
    assert conn.execute("SELECT state FROM batch").fetchone() == ("done",)


def test_a_database_that_takes_no_writes_sends_the_message_back(
    database_url: str, conn: Connection
) -> None:
    world = make_world(conn)
    message = encode_batch(make_message(world, [counter("t", value="2")]))
    name = conn.info.dbname
    read_only = f'ALTER DATABASE "{name}" SET default_transaction_read_only = '
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(f"{read_only} on".encode())
    pool_of(database_url).drain()

    for _ in range(3):
        with pytest.raises(Trouble):
            fold_message(database_url, message, "m", 1, NOW)
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("SET default_transaction_read_only = off")
        admin.execute(f"{read_only} off".encode())
    pool_of(database_url).drain()

    assert fold_message(database_url, message, "m", 1, NOW)["applied"] == 1
