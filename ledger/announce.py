"""Webhook events of a batch, in the transaction that decides about its items."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ledger.db import Connection
from ledger.outbox import enqueue_event
from ledger.outcomes import Outcome

MAX_ITEMS = 100

_EVENTS = {
    "conflict": "counters.conflict",
    "parked": "counters.parked",
    "rejected": "batch.rejected",
}


@dataclass(frozen=True)
class Announced:
    """A receipt as it is told: the batch and how many items have each outcome."""

    service_id: int
    batch_id: str
    received: int
    tally: Mapping[str, int]


def announce(
    conn: Connection,
    receipt: Announced,
    outcomes: Mapping[int, Outcome],
    now: datetime,
) -> None:
    """Tell of a batch whose items, some or all, have just got these outcomes.

    ``batch.processed`` has the sums; an event for each kind of trouble names the first
    MAX_ITEMS items of it.
    """
    batch = {"batch_id": receipt.batch_id}
    sums = {**batch, "received": receipt.received, **receipt.tally}
    enqueue_event(conn, receipt.service_id, "batch.processed", sums, now)
    for outcome, event_type in _EVENTS.items():
        items = [
            {"index": index, "reason": item.reason}
            for index, item in sorted(outcomes.items())
            if item.outcome == outcome
        ]
        if items:
            data = {**batch, "count": len(items), "items": items[:MAX_ITEMS]}
            enqueue_event(conn, receipt.service_id, event_type, data, now)
