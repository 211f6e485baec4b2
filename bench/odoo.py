"""Rollups a second into Odoo as built, beside one ``write`` call per rollup.

The stack's own bridge does the pushing; ``ODOO_URL`` and its like make it a real Odoo.
"""

import time
from dataclasses import dataclass

import psycopg

from bench.stack import BenchStack
from bench.traffic import SERVICE
from odoo_bridge.client import OdooClient
from odoo_bridge.json2 import Json2Transport

TIMEOUT_SECONDS = 60
MODEL = "fusion.billing.usage"
DIRTY = "SELECT -count(*) FROM rollup WHERE dirty"
MAKE = """
    INSERT INTO rollup (subscription_id, metric_id, period_start, usage_start,
                        period_end, aggregation, quantity, counters, last_at,
                        last_transaction_id)
    SELECT s.id, m.id, '2026-01-01Z'::timestamptz + n * interval '1 hour',
           '2026-01-01Z'::timestamptz + n * interval '1 hour',
           '2026-01-01Z'::timestamptz + (n + 1) * interval '1 hour',
           m.aggregation, 1.5, 0, '2026-01-01Z', ''
      FROM (SELECT subscription.id, service_id
              FROM subscription JOIN service ON service.id = service_id
             WHERE code = %(service)s) s
      JOIN metric m USING (service_id)
     CROSS JOIN generate_series(1, %(periods)s) AS n
"""
CHANGE = "UPDATE rollup SET revision = revision + 1, push_after = now()"


@dataclass(frozen=True)
class Pushed:
    """Rollups/s: new to Odoo, changed there, and changed by one call each."""

    created: float
    updated: float
    one_by_one: float


def push_rollups(stack: BenchStack, periods: int, single_calls: int) -> Pushed:
    """Push ``periods`` rollups of each subscription twice; the second time changed."""
    stack.await_count(DIRTY, 0)
    one = {"service": SERVICE, "periods": periods}
    with psycopg.connect(stack.database_url) as conn:
        conn.execute(MAKE.encode(), one)
    created = _rate(stack)
    with psycopg.connect(stack.database_url) as conn:
        conn.execute(CHANGE)
    updated = _rate(stack)
    return Pushed(created, updated, _one_by_one(stack, single_calls))


def _rate(stack: BenchStack) -> float:
    """From when the bridge has begun until nothing is left."""
    at_first = stack.count(DIRTY)
    stack.await_count(DIRTY, at_first + 1)
    begun, left = time.monotonic(), -stack.count(DIRTY)
    if left == 0:
        raise SystemExit("too few rollups to measure; give more periods")
    stack.await_count(DIRTY, 0)
    return left / (time.monotonic() - begun)


def _one_by_one(stack: BenchStack, calls: int) -> float:
    names = ("odoo", "odoo_database", "odoo_api_key")
    url, database, key = (str(stack.addresses[name]) for name in names)
    transport = Json2Transport(url, database, key, TIMEOUT_SECONDS)
    with OdooClient(transport) as client:
        found = client.call(MODEL, "search", domain=[], limit=calls)
        begun = time.monotonic()
        for key_of_row in found:
            client.call(MODEL, "write", ids=[key_of_row], vals={"quantity": "2.5"})
        return len(found) / (time.monotonic() - begun)
