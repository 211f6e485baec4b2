"""Dedupe and aggregate alone, beside COPY of the same rows into the same table.

One connection, durable commits, no broker and no HTTP. The two take turns, batch by
batch, so that both meet the same table, the same cache and the same neighbours.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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

DATABASE = "bench_books"
SUBSCRIPTIONS = 100
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
     CROSS JOIN LATERAL generate_series(s.place, %(last)s - 1, %(subscriptions)s)
           AS n
     WHERE n >= %(first)s
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


def measure_books(
    stack: BenchStack, rows: list[int], sizes: list[int], counters: int
) -> Iterator[Books]:
    """A measurement for each number of rows, which rises, and each size of batch."""
    with _database(stack) as url, psycopg.connect(url) as conn:
        service_id = _make_catalog(conn)
        found = conn.execute("SELECT external_id, id FROM subscription").fetchall()
        keys: dict[str, int] = dict(found)
        number = 0
        for wanted in rows:
            if wanted > number:
                _fill(conn, number, wanted)
                number = wanted
            for size in sizes:
                folds, copies = [], []
                for _ in range(max(3, counters // size)):
                    arrivals = _arrivals(number, size)
                    folds.append(_fold(conn, service_id, arrivals))
                    lines = _lines(number + size, size, keys)
                    copies.append(_copy(conn, lines))
                    number += 2 * size
                yield Books(wanted, size, size / median(folds), size / median(copies))


@contextmanager
def _database(stack: BenchStack) -> Iterator[str]:
    url = urlunsplit(urlsplit(stack.database_url)._replace(path=f"/{DATABASE}"))
    with psycopg.connect(stack.database_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {DATABASE}".encode())
        try:
            migrate(url)
            yield url
        finally:
            admin.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)".encode())


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


def _fill(conn: Connection, first: int, last: int) -> None:
    """Counters as an app numbers them, up to ``last``; then the table is at rest."""
    numbers = {"first": first, "last": last, "subscriptions": SUBSCRIPTIONS}
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


def _fold(conn: Connection, service_id: int, arrivals: list[Arrival]) -> float:
    begun = time.monotonic()
    outcomes = fold_items(conn, service_id, arrivals, NOW)
    conn.commit()
    taken = time.monotonic() - begun
    assert len(outcomes) == len(arrivals)
    assert {outcome.outcome for outcome in outcomes.values()} == {"applied"}
    return taken


def _copy(conn: Connection, lines: bytes) -> float:
    begun = time.monotonic()
    with conn.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.write(lines)
    conn.commit()
    return time.monotonic() - begun
