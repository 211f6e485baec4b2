"""Counters as the columns that the SQL statements unnest."""

import json
from collections.abc import Sequence
from typing import Any

from ledger.place import Arrival, Placed

Columns = dict[str, list[Any]]


def arrival_columns(arrivals: Sequence[Arrival]) -> Columns:
    """Counters as they came; members as JSON text, since SQL has no ragged arrays."""
    counters = [arrival.counter for arrival in arrivals]
    return {
        "batch_ids": [arrival.batch_id for arrival in arrivals],
        "item_indexes": [counter.index for counter in counters],
        "external_subscription_ids": [c.external_subscription_id for c in counters],
        "codes": [counter.code for counter in counters],
        "transaction_ids": [counter.transaction_id for counter in counters],
        "timestamps_us": [counter.timestamp_us for counter in counters],
        "values": [counter.value for counter in counters],
        "members": [_as_json(counter.members) for counter in counters],
    }


def placed_columns(items: Sequence[Placed]) -> Columns:
    """Counters with their place; numbers as plain text, exact."""
    counters = [item.arrival.counter for item in items]
    return {
        "subscription_ids": [item.subscription_id for item in items],
        "metric_ids": [item.metric.id for item in items],
        "batch_ids": [item.arrival.batch_id for item in items],
        "item_indexes": [counter.index for counter in counters],
        "transaction_ids": [counter.transaction_id for counter in counters],
        "timestamps_us": [counter.timestamp_us for counter in counters],
        "values": [
            None if item.value is None else format(item.value, "f") for item in items
        ],
        "members": [_as_json(item.members) for item in items],
    }


def _as_json(members: tuple[str, ...] | None) -> str | None:
    return None if members is None else json.dumps(members)
