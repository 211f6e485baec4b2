"""Counters that wait too long are reported, once each (P6).

Reported is what was parked up to an instant that moves on with each report: a counter
is parked with the time of its transaction, which no transaction outlives by a day.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ledger.db import Connection
from ledger.outbox import enqueue_event
from ledger.parking import PARKED_TOO_LONG, TOO_LONG
from ledger.place import EPOCH
from ledger.queries import load_queries
from schemas.timestamps import utc_text

EVENT = "events.errors"
EVENT_EVERY = timedelta(hours=1)
MAX_GROUPS = 100
MAX_ITEMS = 100
"""Of each: the event stays below the 100 kB that receivers commonly take."""
LOGGED_SUBSCRIPTIONS = 5

_SQL = load_queries("parked_reports")


@dataclass(frozen=True)
class ParkedReport:
    """What was reported: how many counters, since when the oldest of them waits, and
    the subscriptions, by external id, that have the most of them."""

    service: str
    counters: int
    oldest_parked_at: datetime
    subscriptions: tuple[str, ...]


def services_to_report(conn: Connection, now: datetime) -> list[int]:
    """The services for which ``report_parked`` has something to tell."""
    rows = conn.execute(_SQL["due_reports"], _instants(now))
    return [row[0] for row in rows]


def report_parked(
    conn: Connection, service_id: int, now: datetime
) -> ParkedReport | None:
    """Put what waits too long and was not reported into one event to the service.

    None when there is nothing, or the last event is younger than EVENT_EVERY. Event and
    mark commit together; of two at once, one reports.
    """
    key = {"service_id": service_id, **_instants(now)}
    conn.execute(_SQL["insert_report"], key)
    claimed = conn.execute(_SQL["claim_report"], key).fetchone()
    if claimed is None:
        return None
    groups = conn.execute(
        _SQL["count_unreported"], {**key, "limit": MAX_GROUPS}
    ).fetchall()
    if not groups:
        return None
    counters, all_groups, oldest_at = groups[0][4:]
    items = conn.execute(_SQL["first_unreported"], {**key, "limit": MAX_ITEMS})
    data = {
        "code": PARKED_TOO_LONG,
        "count": counters,
        "oldest_parked_at": utc_text(oldest_at),
        "groups": all_groups,
        "counts": [_as_count(*group[:4]) for group in groups],
        "items": [_as_item(*item) for item in items],
    }
    enqueue_event(conn, service_id, EVENT, data, now)
    conn.execute(_SQL["close_report"], {**key, "now": now})
    first = tuple(dict.fromkeys(group[0] for group in groups))[:LOGGED_SUBSCRIPTIONS]
    return ParkedReport(claimed[0], counters, oldest_at, first)


def _instants(now: datetime) -> dict[str, datetime]:
    return {"until": now - TOO_LONG, "last_before": now - EVENT_EVERY}


def _as_count(
    external_subscription_id: str, code: str, reason: str, count: int
) -> dict[str, Any]:
    return {
        "external_subscription_id": external_subscription_id,
        "code": code,
        "reason": reason,
        "count": count,
    }


def _as_item(
    transaction_id: str,
    external_subscription_id: str,
    code: str,
    timestamp_us: int,
    reason: str,
    batch_id: object,
) -> dict[str, Any]:
    return {
        "transaction_id": transaction_id,
        "external_subscription_id": external_subscription_id,
        "code": code,
        "timestamp": utc_text(EPOCH + timedelta(microseconds=timestamp_us)),
        "reason": reason,
        "batch_id": str(batch_id),
    }
