"""The parking lot: counters whose subscription or metric is not known yet (P6)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.db import Connection
from ledger.queries import load_queries
from schemas.messages import Counter

_SQL = load_queries("parked")


@dataclass(frozen=True)
class Lot:
    """What became of counters at the parking lot: item indexes, told apart."""

    parked: frozenset[int]
    duplicates: frozenset[int]
    conflicts: frozenset[int]


def park_counters(
    conn: Connection,
    service_id: int,
    batch_id: str,
    counters: Sequence[tuple[Counter, str]],
    now: datetime,
) -> Lot:
    """Park counters, each with its reason code, the first of each identity.

    An identity that is parked already is a duplicate or, when it differs, a conflict.
    One that has left the lot in the meantime is in none of the three sets.
    """
    items = [counter for counter, _ in counters]
    columns = {
        "service_id": service_id,
        "external_subscription_ids": [c.external_subscription_id for c in items],
        "codes": [c.code for c in items],
        "transaction_ids": [c.transaction_id for c in items],
        "timestamps_us": [c.timestamp_us for c in items],
        "values": [c.value for c in items],
        "members": [
            None if c.members is None else json.dumps(c.members) for c in items
        ],
        "item_indexes": [c.index for c in items],
    }
    reasons = [reason for _, reason in counters]
    more = {"batch_id": batch_id, "reasons": reasons, "now": now}
    rows = conn.execute(_SQL["park_counters"], {**columns, **more})
    parked = {index for (index,) in rows}
    same = {
        index: equal
        for index, equal in conn.execute(_SQL["compare_parked"], columns)
        if index not in parked
    }
    return Lot(
        parked=frozenset(parked),
        duplicates=frozenset(index for index, equal in same.items() if equal),
        conflicts=frozenset(index for index, equal in same.items() if not equal),
    )
