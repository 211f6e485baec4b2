"""Rollups a second into Odoo as built, beside one call per rollup.

The stack's own bridge does the pushing; ``ODOO_URL`` and its like make it a real Odoo,
which keeps what it got: each run pushes periods that no other had.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from bench.stack import BenchStack
from bench.traffic import SERVICE
from odoo_bridge.client import OdooClient
from odoo_bridge.json2 import Json2Transport

TIMEOUT_SECONDS = 600
MODEL = "fusion.billing.usage"
DIRTY = "SELECT -count(*) FROM rollup WHERE dirty"
MAKE = """
    INSERT INTO rollup (subscription_id, metric_id, period_start, usage_start,
                        period_end, aggregation, quantity, counters, last_at,
                        last_transaction_id)
    SELECT s.id, m.id, n.began, n.began, n.began + interval '1 hour',
           m.aggregation, 1.5, 0, '2026-01-01Z', ''
      FROM (SELECT subscription.id, service_id
              FROM subscription JOIN service ON service.id = service_id
             WHERE code = %(service)s) s
      JOIN metric m USING (service_id)
     CROSS JOIN (SELECT '2026-01-01Z'::timestamptz
                        + %(second)s * interval '1 second' + n * interval '1 hour'
                   FROM generate_series(1, %(periods)s) AS n) AS n (began)
"""
CHANGE = "UPDATE rollup SET revision = revision + 1, push_after = now()"


COPIED = (
    *("subscription_id", "metric_id", "service_id", "period_start", "period_end"),
    *("quantity", "included", "overage", "amount", "currency", "revision", "state"),
)
ODOO_TIME = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class Pushed:
    """Rollups/s: new to Odoo, changed there, and by one call each for both."""

    created: float
    updated: float
    create_calls: float
    write_calls: float


def push_rollups(stack: BenchStack, periods: int, single_calls: int) -> Pushed:
    """Push ``periods`` rollups of each subscription twice; the second time changed."""
    stack.await_count(DIRTY, 0)
    second = int(time.time()) % 3600
    new = {"service": SERVICE, "periods": periods, "second": second}
    with psycopg.connect(stack.database_url) as conn:
        conn.execute(MAKE.encode(), new)
    created = _rate(stack)
    with psycopg.connect(stack.database_url) as conn:
        conn.execute(CHANGE)
    updated = _rate(stack)
    return Pushed(created, updated, *_one_by_one(stack, single_calls))


def _rate(stack: BenchStack) -> float:
    """From when the bridge has begun until nothing is left."""
    at_first = stack.count(DIRTY)
    stack.await_count(DIRTY, at_first + 1)
    begun, left = time.monotonic(), -stack.count(DIRTY)
    if left == 0:
        raise SystemExit("too few rollups to measure; give more periods")
    stack.await_count(DIRTY, 0)
    return left / (time.monotonic() - begun)


def _one_by_one(stack: BenchStack, calls: int) -> tuple[float, float]:
    """Rows/s by one ``create`` and by one ``write`` call each, over a kept client."""
    names = ("odoo", "odoo_database", "odoo_api_key")
    url, database, key = (str(stack.addresses[name]) for name in names)
    transport = Json2Transport(url, database, key, TIMEOUT_SECONDS)
    with OdooClient(transport) as client:
        rows: list[dict[str, Any]] = client.call(
            MODEL,
            "search_read",
            domain=[["service_id.code", "=", SERVICE]],
            fields=list(COPIED),
            order="id desc",
            limit=calls,
            load=None,
        )
        created = _each(
            rows, lambda row: client.call(MODEL, "create", vals_list=[_copy(row)])
        )
        written = _each(
            rows,
            lambda row: client.call(
                MODEL, "write", ids=[row["id"]], vals={"quantity": "2.5"}
            ),
        )
    return created, written


def _each(rows: list[dict[str, Any]], call: Callable[[dict[str, Any]], Any]) -> float:
    began = time.monotonic()
    for row in rows:
        call(row)
    return len(rows) / (time.monotonic() - began)


def _copy(row: dict[str, Any]) -> dict[str, Any]:
    """Its values for a row of another period, half an hour later."""
    began = datetime.strptime(row["period_start"], ODOO_TIME)  # noqa: DTZ007 - UTC
    period_start = f"{began + timedelta(minutes=30):{ODOO_TIME}}"
    return {name: row[name] for name in COPIED} | {"period_start": period_start}
