"""What becomes of subscriptions by the mere time: planned plans begin, and starts and
ends that have come are told.

Each is a transaction of its own, and safe to repeat: what was done is noted in it.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from ledger.db import Connection
from ledger.holding import SUBSCRIPTION, lock_record
from ledger.plan_changes import begin_planned
from ledger.queries import load_queries
from ledger.subscriptions import (
    ACTIVE,
    CANCELED,
    PENDING,
    TERMINATED,
    find_subscription,
)
from ledger.told_subscriptions import ENDED, STARTED, tell_subscription

PAGE: Final = 500

_SQL = load_queries("due_subscriptions")

Key = tuple[int, str, str]
"""A service's key and code, and the subscription's external id."""


def due_changes(conn: Connection, now: datetime) -> list[Key]:
    """Subscriptions whose next plan begins, those that waited longest."""
    rows = conn.execute(_SQL["due_changes"], {"now": now, "limit": PAGE})
    return [(row[0], row[1], row[2]) for row in rows]


def due_events(conn: Connection, now: datetime) -> list[Key]:
    """Subscriptions that have started or ended, of which it has not been told."""
    rows = conn.execute(_SQL["due_events"], {"now": now, "limit": PAGE})
    return [(row[0], row[1], row[2]) for row in rows]


def begin_plan(conn: Connection, key: Key, now: datetime) -> None:
    """Change the plan, from when it was planned for; not of one that ended before."""
    service_id, code, external_id = key
    lock_record(conn, SUBSCRIPTION, code, external_id)
    found = find_subscription(conn, service_id, external_id, now)
    if found is not None:
        begin_planned(conn, (service_id, code), found, now)


def tell_due(conn: Connection, key: Key, now: datetime) -> None:
    """Tell that it has started or ended; what has been told meanwhile is not again."""
    service_id, code, external_id = key
    lock_record(conn, SUBSCRIPTION, code, external_id)
    found = find_subscription(conn, service_id, external_id, now)
    told = conn.execute(
        _SQL["told_status"], {"service_id": service_id, "external_id": external_id}
    ).fetchone()
    if found is None or told is None or told[0] == found.status:
        return
    events = {ACTIVE: STARTED, TERMINATED: ENDED, CANCELED: ENDED}
    if told[0] == PENDING and found.status == TERMINATED:
        tell_subscription(conn, service_id, found, STARTED, now)
    tell_subscription(conn, service_id, found, events.get(found.status), now)


Act = Callable[[Connection, Key, datetime], None]
STEPS: Final[tuple[tuple[Callable[[Connection, datetime], list[Key]], Act], ...]] = (
    (due_changes, begin_plan),
    (due_events, tell_due),
)
"""What to look for, and what to do with each that is found."""
