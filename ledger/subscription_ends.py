"""Ending subscriptions: now, or before they have begun."""

from datetime import datetime, timedelta
from typing import Final

from ledger.db import Connection
from ledger.holding import SUBSCRIPTION, lock_record
from ledger.local_changes import save_subscription
from ledger.plan_changes import begin_planned, forget_change
from ledger.queries import load_queries
from ledger.subscriptions import (
    ACTIVE,
    PENDING,
    Subscription,
    find_subscription,
)
from ledger.told_subscriptions import ENDED, UPDATED, tell_change

SECOND: Final = timedelta(seconds=1)

_SQL = load_queries("subscriptions")


def end_subscription(
    conn: Connection,
    service: tuple[int, str],
    external_id: str,
    status: str | None,
    now: datetime,
) -> Subscription | None:
    """End it; None: there is none that has the status, or that can be ended.

    An active one ends now: what was used until then is counted and billed, and later
    usage refused. One that is pending is canceled. With the status pending, of an
    active one the change of plan that is still to come. ``service``: its key and code.
    """
    lock_record(conn, SUBSCRIPTION, service[1], external_id)
    found = find_subscription(conn, service[0], external_id, now)
    if found is None or found.status not in (ACTIVE, PENDING):
        return None
    found = begin_planned(conn, service, found, now)
    if found.status == ACTIVE and status == PENDING:
        if not forget_change(conn, found.id):
            return None
        return tell_change(conn, service[0], external_id, UPDATED, now)
    if found.status == PENDING and status == ACTIVE:
        return None
    forget_change(conn, found.id)
    end = max(now, found.terms.started_at + SECOND)
    save_subscription(conn, service[0], external_id, {"ended_at": end}, now)
    if found.status == PENDING:
        conn.execute(_SQL["write_canceled"], {"id": found.id, "canceled_at": now})
    return tell_change(conn, service[0], external_id, ENDED, now)
