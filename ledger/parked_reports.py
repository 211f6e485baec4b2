"""What apps are told of once an hour: counters that wait too long, and rejected ones.

Each is told of once (P6). Of those that wait, it is what was parked up to an instant
that moves on with each report: a counter is parked with the time of its transaction,
which no transaction outlives by an hour.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ledger.counter_value import PROPERTY_MISSING, VALUE_INVALID
from ledger.db import Connection
from ledger.event_errors import EventErrors, take_errors
from ledger.outbox import enqueue_event
from ledger.parking import PARKED_TOO_LONG
from ledger.place import (
    AFTER_END,
    BEFORE_START,
    EPOCH,
    UNKNOWN_METRIC,
    UNKNOWN_SUBSCRIPTION,
)
from ledger.queries import load_queries
from schemas.timestamps import utc_text

EVENT: Final = "events.errors"
EVENT_EVERY: Final = timedelta(hours=1)
TOLD_AFTER: Final = timedelta(hours=1)
"""How long a counter is parked before its app is told."""
MAX_GROUPS: Final = 100
MAX_ITEMS: Final = 100
"""Of each: the event stays below the 100 kB that receivers commonly take."""
MAX_REJECTED_GROUPS: Final = 50
LOGGED_SUBSCRIPTIONS: Final = 5
REJECTED: Final = "rejected"

_LISTS: Final = {
    UNKNOWN_METRIC: "invalid_code",
    PROPERTY_MISSING: "missing_aggregation_property",
    UNKNOWN_SUBSCRIPTION: "unknown_subscription",
    VALUE_INVALID: "invalid_value",
    BEFORE_START: "outside_subscription",
    AFTER_END: "outside_subscription",
}
"""In which list an event is told of, by the reason's code. The first two are Lago's."""
_OTHER: Final = "other"

_SQL = load_queries("parked_reports")


@dataclass(frozen=True)
class ErrorsReport:
    """What was told: how many counters wait, since when the oldest of them does (None:
    none waits), how many were rejected, and the subscriptions, by external id, that
    have the most of them."""

    service: str
    parked: int
    oldest_parked_at: datetime | None
    rejected: int
    subscriptions: tuple[str, ...]


@dataclass(frozen=True)
class _Parked:
    """What waits: groups of subscription, code, reason and number, and first items."""

    counters: int
    groups: int
    oldest_at: datetime | None
    counts: Sequence[tuple[str, str, str, int]]
    items: Sequence[tuple[Any, ...]]


def services_to_report(conn: Connection, now: datetime) -> list[int]:
    """The services for which ``report_errors`` has something to tell."""
    rows = conn.execute(_SQL["due_reports"], _instants(now))
    return [row[0] for row in rows]


def report_errors(
    conn: Connection, service_id: int, now: datetime
) -> ErrorsReport | None:
    """Put what was not told into one event to the service.

    None when there is nothing, or the last event is younger than EVENT_EVERY. Event and
    mark commit together; of two at once, one reports.
    """
    key = {"service_id": service_id, **_instants(now)}
    conn.execute(_SQL["insert_report"], key)
    claimed = conn.execute(_SQL["claim_report"], key).fetchone()
    if claimed is None:
        return None
    parked = _read_parked(conn, key)
    rejected = take_errors(conn, service_id)
    if not parked.counters and not rejected:
        return None
    enqueue_event(conn, service_id, EVENT, _as_event(parked, rejected), now)
    conn.execute(_SQL["close_report"], {**key, "now": now})
    names = [group[0] for group in parked.counts]
    names += [errors.external_subscription_id for errors in rejected]
    return ErrorsReport(
        claimed[0],
        parked.counters,
        parked.oldest_at,
        sum(errors.counters for errors in rejected),
        tuple(dict.fromkeys(names))[:LOGGED_SUBSCRIPTIONS],
    )


def _read_parked(conn: Connection, key: dict[str, Any]) -> _Parked:
    rows = conn.execute(
        _SQL["count_unreported"], {**key, "limit": MAX_GROUPS}
    ).fetchall()
    if not rows:
        return _Parked(0, 0, None, (), ())
    items = conn.execute(_SQL["first_unreported"], {**key, "limit": MAX_ITEMS})
    counters, groups, oldest_at = rows[0][4:]
    counts = [(row[0], row[1], row[2], row[3]) for row in rows]
    return _Parked(counters, groups, oldest_at, counts, items.fetchall())


def _as_event(parked: _Parked, rejected: Sequence[EventErrors]) -> dict[str, Any]:
    """Lago's lists of transaction ids; then what waits, and what was rejected."""
    oldest_at = parked.oldest_at
    return {
        "events_errors": _as_lists(parked, rejected),
        "code": PARKED_TOO_LONG if parked.counters else REJECTED,
        "count": parked.counters,
        "oldest_parked_at": None if oldest_at is None else utc_text(oldest_at),
        "groups": parked.groups,
        "counts": [_as_count(*group) for group in parked.counts],
        "items": [_as_item(*item) for item in parked.items],
        "rejected": {
            "count": sum(errors.counters for errors in rejected),
            "groups": len(rejected),
            "counts": [
                _as_count(e.external_subscription_id, e.code, e.reason, e.counters)
                for e in rejected[:MAX_REJECTED_GROUPS]
            ],
        },
    }


def _as_lists(parked: _Parked, rejected: Sequence[EventErrors]) -> dict[str, list[str]]:
    """The first MAX_ITEMS of what waits, and of what was rejected."""
    lists: dict[str, list[str]] = {name: [] for name in (*_LISTS.values(), _OTHER)}
    for transaction_id, _, _, _, reason, _ in parked.items:
        lists[_LISTS.get(reason, _OTHER)].append(transaction_id)
    named = [
        (_LISTS.get(errors.reason.partition(":")[0], _OTHER), transaction_id)
        for errors in rejected
        for transaction_id in errors.transaction_ids
    ]
    for name, transaction_id in named[:MAX_ITEMS]:
        lists[name].append(transaction_id)
    return lists


def _instants(now: datetime) -> dict[str, datetime]:
    return {"until": now - TOLD_AFTER, "last_before": now - EVENT_EVERY}


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
