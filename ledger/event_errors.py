"""Counters that were rejected, kept until their service has been told (P6).

Their outcome stands on the receipt of their batch; an app that sends events never looks
at one, so it hears of them as Lago's apps do: once an hour, in ``events.errors``.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ledger.db import Connection
from ledger.place import Arrival
from ledger.queries import load_queries

KEPT_IDS: Final = 20
"""Of each kind, the first ones."""

_SQL = load_queries("event_errors")


@dataclass(frozen=True)
class EventErrors:
    """Counters of one subscription and metric that were rejected for one reason."""

    external_subscription_id: str
    code: str
    reason: str
    counters: int
    transaction_ids: tuple[str, ...]


def note_rejected(
    conn: Connection,
    service_id: int,
    rejected: Iterable[tuple[Arrival, str]],
    now: datetime,
) -> None:
    """Note counters, each with its reason, in the transaction that rejects them."""
    kinds: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for arrival, reason in rejected:
        counter = arrival.counter
        kind = (counter.external_subscription_id, counter.code, reason)
        kinds[kind].append(counter.transaction_id)
    if not kinds:
        return
    conn.execute(
        _SQL["note_errors"],
        {
            "service_id": service_id,
            "external_subscription_ids": [kind[0] for kind in kinds],
            "codes": [kind[1] for kind in kinds],
            "reasons": [kind[2] for kind in kinds],
            "counters": [len(ids) for ids in kinds.values()],
            "transaction_ids": [json.dumps(ids[:KEPT_IDS]) for ids in kinds.values()],
            "kept": KEPT_IDS,
            "now": now,
        },
    )


def take_errors(conn: Connection, service_id: int) -> list[EventErrors]:
    """What the service is to be told now, the most first; then it is forgotten.

    Commits with the event that tells it.
    """
    rows = conn.execute(_SQL["take_errors"], {"service_id": service_id})
    return [
        EventErrors(subscription, code, reason, counters, tuple(ids))
        for subscription, code, reason, counters, ids in rows
    ]
