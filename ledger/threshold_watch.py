"""Noting which periods have to be looked at for thresholds of usage.

In the transaction of the change, so that none is missed; where no plan has thresholds
nothing is noted. Noted after all that it is of was locked, and appended: nobody waits
for anybody here. See ledger.threshold_check for the look.
"""

from collections.abc import Iterable
from datetime import datetime

from ledger.db import Connection
from ledger.queries import load_queries

_SQL = load_queries("threshold_watch")


def watch_usage(
    conn: Connection, service_id: int, periods: Iterable[tuple[int, datetime]]
) -> None:
    """What is billed in these periods, of subscription and start, has changed."""
    distinct = sorted(set(periods))
    if distinct:
        conn.execute(
            _SQL["watch_usage"],
            {
                "service_id": service_id,
                "subscription_ids": [key for key, _ in distinct],
                "period_starts": [start for _, start in distinct],
            },
        )


def watch_subscription(conn: Connection, subscription_id: int) -> None:
    """Its usage was folded again."""
    conn.execute(_SQL["watch_subscription"], {"subscription_id": subscription_id})


def watch_plan(conn: Connection, plan_id: int) -> None:
    """Its prices have changed."""
    conn.execute(_SQL["watch_plan"], {"plan_id": plan_id})


def watch_metric(conn: Connection, metric_id: int) -> None:
    """How it is rounded has changed."""
    conn.execute(_SQL["watch_metric"], {"metric_id": metric_id})
