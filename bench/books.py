"""Dedupe and aggregate alone, beside COPY of the same rows into the same table.

One connection, durable commits, no broker and no HTTP. The two take turns, batch by
batch, and so do ledgers with few and with many counters, so that all of them meet the
same machine and the same neighbours.
"""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from statistics import median
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg

from bench.stack import BenchStack
from ledger.catalog import (
    CustomerRow,
    MetricRow,
    PlanRow,
    ServiceRow,
    SubscriptionRow,
    upsert_customer,
    upsert_metric,
    upsert_plan,
    upsert_service,
    upsert_subscription,
)
from ledger.db import Connection
from ledger.fold import fold_items
from ledger.migrate import migrate
from ledger.place import EPOCH, Arrival
from schemas.messages import Counter

SUBSCRIPTIONS = 100
LEAST_ROUNDS = 8
METRIC = 1  # the key of the first of a new database
STARTED = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
NOW_US = (NOW - EPOCH) // timedelta(microseconds=1)
PERIOD_START = datetime(2026, 6, 1, tzinfo=UTC)

FILL = """
    INSERT INTO counter
    SELECT s.id, m.id, 0, 't-' || lpad(n::text, 9, '0'), %(now)s, %(period)s,
           gen_random_uuid(), 1.5, NULL
      FROM metric m
     CROSS JOIN (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place
                   FROM subscription) s
     CROSS JOIN LATERAL generate_series(s.place, %(rows)s - 1, %(subscriptions)s)
           AS n
     ORDER BY 1, 2, 4
"""
COPY = """
    COPY counter (subscription_id, metric_id, item_index, transaction_id, occurred_at,
                  period_start, batch_id, value)
    FROM STDIN
"""


@dataclass(frozen=True)
class Books:
    """Counters/s, of batches of ``size`` onto ``rows`` that were there before."""

    rows: int
    size: int
    folded: float
    copied: float


@dataclass
class _Ledger:
    """One of the ledgers that take turns; ``number`` is that of its next counter."""

    rows: int
    conn: Connection
    service_id: int
    keys: dict[str, int]
    number: int


def measure_books(
    stack: BenchStack, rows: list[int], sizes: list[int], counters: int
) -> Iterator[Books]:
    """A measurement for each number of rows and size of batch, sizes within rows."""
    folds: dict[tuple[int, int], list[float]] = defaultdict(list)
    copies: dict[tuple[int, int], list[float]] = defaultdict(list)
    with ExitStack() as databases:
        ledgers = [databases.enter_context(_ledger(stack, wanted)) for wanted in rows]
        for size in sizes:
            for _ in range(max(LEAST_ROUNDS, counters // size)):
                for ledger in ledgers:
                    folds[ledger.rows, size].append(_fold(ledger, size))
                    copies[ledger.rows, size].append(_copy(ledger, size))
    for key in product(rows, sizes):
        _, size = key
        yield Books(*key, size / median(folds[key]), size / median(copies[key]))


@contextmanager
def _ledger(stack: BenchStack, rows: int) -> Iterator[_Ledger]:
    """A database of its own with so many counters."""
    name = f"bench_books_{rows}"
    url = urlunsplit(urlsplit(stack.database_url)._replace(path=f"/{name}"))
    with psycopg.connect(stack.database_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
        try:
            migrate(url)
            with psycopg.connect(url) as conn:
                service_id = _make_catalog(conn)
                _fill(conn, rows)
                found = conn.execute("SELECT external_id, id FROM subscription")
                yield _Ledger(rows, conn, service_id, dict(found.fetchall()), rows)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _make_catalog(conn: Connection) -> int:
    service_id = upsert_service(conn, ServiceRow("books", "Books", "live", 1))
    upsert_metric(conn, MetricRow("books", "requests", "Requests", "sum", "", 1))
    upsert_plan(conn, PlanRow("books", "plan", "Plan", "monthly", "CAD", "0", (), 1))
    upsert_customer(conn, CustomerRow("books", "customer", "Customer", None, 1))
    for number in range(SUBSCRIPTIONS):
        name = f"s{number:03d}"
        row = SubscriptionRow(
            *("books", name, "customer", "plan", STARTED, None, "UTC", "calendar"),
            odoo_id=number + 1,
        )
        upsert_subscription(conn, row)
    conn.commit()
    return service_id


def _fill(conn: Connection, rows: int) -> None:
    """Counters as an app numbers them; then the table is at rest."""
    numbers = {"rows": rows, "subscriptions": SUBSCRIPTIONS}
    conn.execute(FILL, {**numbers, "now": NOW, "period": PERIOD_START})
    conn.commit()
    conn.autocommit = True
    conn.execute("VACUUM (ANALYZE) counter")
    conn.execute("CHECKPOINT")
    conn.autocommit = False


def _arrivals(first: int, size: int) -> list[Arrival]:
    batch_id = str(uuid4())
    return [
        Arrival(
            batch_id,
            Counter(
                place,
                f"t-{number:09d}",
                f"s{number % SUBSCRIPTIONS:03d}",
                "requests",
                NOW_US,
                "1.5",
                None,
            ),
        )
        for place, number in enumerate(range(first, first + size))
    ]


def _lines(first: int, size: int, keys: dict[str, int]) -> bytes:
    """The same rows as text, in key order."""
    batch_id = str(uuid4())
    rows = sorted(
        (keys[f"s{number % SUBSCRIPTIONS:03d}"], f"t-{number:09d}", place)
        for place, number in enumerate(range(first, first + size))
    )
    return "".join(
        f"{key}\t{METRIC}\t{place}\t{name}\t{NOW}\t{PERIOD_START}\t{batch_id}\t1.5\n"
        for key, name, place in rows
    ).encode()


def _fold(ledger: _Ledger, size: int) -> float:
    """Seconds to fold the ledger's next counters."""
    arrivals = _arrivals(ledger.number, size)
    ledger.number += size
    begun = time.monotonic()
    outcomes = fold_items(ledger.conn, ledger.service_id, arrivals, NOW)
    ledger.conn.commit()
    taken = time.monotonic() - begun
    assert len(outcomes) == len(arrivals)
    assert {outcome.outcome for outcome in outcomes.values()} == {"applied"}
    return taken


def _copy(ledger: _Ledger, size: int) -> float:
    """Seconds to copy the ledger's next counters."""
    lines = _lines(ledger.number, size, ledger.keys)
    ledger.number += size
    begun = time.monotonic()
    with ledger.conn.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.write(lines)
    ledger.conn.commit()
    return time.monotonic() - begun
