"""Sending rollups out again, because what they are rated by has changed.

Rollups are rated when they are pushed, so a new price makes no difference to them until
they are pushed again. What was sent for a period that has ended stays as it was.
"""

from ledger.db import Connection
from ledger.locks import TERMS_LOCK
from ledger.queries import load_queries
from ledger.threshold_watch import watch_metric, watch_plan

_SQL = load_queries("rerating")


def rerate_plan(conn: Connection, service_id: int, plan_id: int) -> None:
    """Make dirty the running periods of all subscriptions that have the plan.

    Call it after the change, in its transaction. Time grows with these rollups.
    """
    exclude_folds(conn, service_id)
    conn.execute(_SQL["rerate_plan"], {"plan_id": plan_id})
    watch_plan(conn, plan_id)


def rerate_metric(conn: Connection, service_id: int, metric_id: int) -> None:
    """Make dirty the metric's running periods of the whole service, as ``rerate_plan``.

    Time grows with the metric's rollups.
    """
    exclude_folds(conn, service_id)
    conn.execute(_SQL["rerate_metric"], {"metric_id": metric_id})
    watch_metric(conn, metric_id)


def rerate_subscription(conn: Connection, service: str, external_id: str) -> None:
    """Make dirty the open periods of a subscription that its new plan prices.

    Call it after the change, in its transaction, which excludes the service's folds.
    """
    names = {"service": service, "external_id": external_id}
    conn.execute(_SQL["rerate_subscription"], names)


def exclude_folds(conn: Connection, service_id: int) -> None:
    """Wait for the service's folds that run; new ones wait for this transaction.

    So no rollup comes in between that would go out by the old price and be missed.
    """
    conn.execute(
        _SQL["exclude_folds"], {"lock_space": TERMS_LOCK, "service_id": service_id}
    )
