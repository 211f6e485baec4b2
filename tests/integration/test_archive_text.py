"""A file's lines come to the hash that PostgreSQL took, with whatever characters."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from ledger.archive_proof import counters_hash_of, read_lines, seal_text
from ledger.archiving import _SQL
from ledger.chain import counters_hash
from ledger.db import Connection
from ledger.durable_file import write_gzip
from tests.frozen_world import CHARGES
from tests.ledger_world import STARTED, World, make_world

# All that PostgreSQL's text holds; characters that formats trip over, more often.
TEXT = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")
    | st.sampled_from("\"\\',\n\r\t\b\f\x01\x1f\x7f\x85\u2028\ufeff{}[]+-NUL."),
    min_size=1,
)
NUMBER = st.decimals(
    min_value=Decimal(-(10**30)), max_value=Decimal(10**30), allow_nan=False
).map(lambda number: format(number, "f"))
MEMBERS = st.lists(TEXT | st.just(""), max_size=4)
LINE = st.tuples(
    TEXT,
    st.datetimes(datetime(1970, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001
    st.uuids(),
    st.integers(0, 2**31 - 1),
    NUMBER | MEMBERS,
)
Line = tuple[str, datetime, UUID, int, str | list[str]]


@pytest.fixture
def world(conn: Connection) -> World:
    return make_world(conn, 1, CHARGES)


def subscription_key(conn: Connection) -> int:
    row = conn.execute("SELECT id FROM subscription").fetchone()
    assert row is not None
    return int(row[0])


def put_counters(conn: Connection, key: int, lines: list[Line]) -> None:
    conn.execute("DELETE FROM counter")
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO counter (subscription_id, metric_id, transaction_id,"
            " occurred_at, period_start, batch_id, item_index, value, members)"
            " SELECT %s, id, %s, %s, %s, %s, %s, %s::numeric, %s::text[]"
            " FROM metric WHERE code = %s",
            [
                (
                    key,
                    name,
                    at,
                    STARTED,
                    batch,
                    index,
                    value if isinstance(value, str) else None,
                    value if isinstance(value, list) else None,
                    "sum" if isinstance(value, str) else "unique",
                )
                for name, at, batch, index, value in lines
            ],
        )


def copy_out(conn: Connection, key: int, path: Path) -> None:
    conn.execute(_SQL["make_picked"])
    conn.execute(_SQL["forget_picked"])
    month = STARTED.date()
    conn.execute("INSERT INTO picked VALUES (%s, %s, %s)", (month, key, STARTED))
    with conn.cursor().copy(_SQL["copy_lines"], {"month": month}) as copy:
        write_gzip(path, copy, lambda: None)


@pytest.mark.altered_books
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    lines=st.lists(LINE, max_size=8, unique_by=lambda line: line[0]),
    said=st.dictionaries(TEXT, TEXT | NUMBER.map(Decimal), max_size=2),
)
def test_odd_characters_read_back_as_they_were_sealed(
    conn: Connection,
    world: World,
    tmp_path: Path,
    lines: list[Line],
    said: dict[str, Any],
) -> None:
    conn.execute("SET timezone = 'UTC'")
    key = subscription_key(conn)
    put_counters(conn, key, lines)
    conn.execute(
        "UPDATE counter SET properties = %s WHERE item_index %% 2 = 0",
        (Jsonb(said, dumps=partial(json.dumps, default=str)),),
    )
    copy_out(conn, key, tmp_path / "file")

    taken = counters_hash_of(read_lines(tmp_path / "file"))

    assert taken == counters_hash(conn, key, STARTED)


@pytest.mark.altered_books
def test_more_counters_than_one_digest_covers_come_to_the_same_hash(
    conn: Connection, world: World, tmp_path: Path
) -> None:
    conn.execute("SET timezone = 'UTC'")
    key = subscription_key(conn)
    put_counters(
        conn,
        key,
        [
            (
                f"t{number}",
                STARTED + timedelta(seconds=number),
                UUID(int=1),
                number,
                "1",
            )
            for number in range(2_001)
        ],
    )
    copy_out(conn, key, tmp_path / "file")

    taken = counters_hash_of(read_lines(tmp_path / "file"))

    assert taken == counters_hash(conn, key, STARTED)


@pytest.mark.altered_books
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(line=LINE)
def test_a_line_is_the_text_that_postgresql_writes(
    conn: Connection, world: World, tmp_path: Path, line: Line
) -> None:
    conn.execute("SET timezone = 'UTC'")
    key = subscription_key(conn)
    put_counters(conn, key, [line])
    copy_out(conn, key, tmp_path / "file")
    row = conn.execute(
        "SELECT json_build_array('+', m.code, transaction_id,"
        " (extract(epoch FROM period_start) * 1000000)::bigint,"
        " (extract(epoch FROM occurred_at) * 1000000)::bigint, batch_id, item_index,"
        " trim_scale(value)::text, members)::text"
        " FROM counter JOIN metric m ON m.id = metric_id"
    ).fetchone()

    (read,) = read_lines(tmp_path / "file")

    assert row is not None
    assert seal_text(read) == row[0]


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")

    def fail() -> None:
        raise psycopg.OperationalError

    with pytest.raises(psycopg.OperationalError):
        write_gzip(path, [b"after"], fail)

    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
