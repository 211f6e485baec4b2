"""Noting which periods have to be looked at for thresholds of usage.

In the transaction of the change, so that none is missed; where no plan has thresholds
nothing is noted. Noted after all that it is of was locked, and appended: nobody waits
for anybody here. See ledger.threshold_check for the look.
"""

from collections.abc import Iterable

from ledger.db import Connection
from ledger.place import Placed
from ledger.queries import load_queries

_SQL = load_queries("threshold_watch")


def watch_usage(conn: Connection, service_id: int, placed: Iterable[Placed]) -> None:
    """These counters of a service have been folded."""
    asked = conn.execute(_SQL["has_thresholds"], {"service_id": service_id}).fetchone()
    if not asked or not asked[0]:
        return
    spots = {item.spot for item in placed}
    periods = sorted({(spot.subscription_id, spot.period.start) for spot in spots})
    if periods:
        keys, starts = zip(*periods, strict=True)
        columns = {"subscription_ids": list(keys), "period_starts": list(starts)}
        conn.execute(_SQL["watch_usage"], columns)


def watch_subscription(conn: Connection, subscription_id: int) -> None:
    """Its usage was folded again."""
    conn.execute(_SQL["watch_subscription"], {"subscription_id": subscription_id})


def watch_plan(conn: Connection, plan_id: int) -> None:
    """Its prices have changed."""
    conn.execute(_SQL["watch_plan"], {"plan_id": plan_id})


def watch_metric(conn: Connection, metric_id: int) -> None:
    """How it is rounded has changed."""
    conn.execute(_SQL["watch_metric"], {"metric_id": metric_id})
