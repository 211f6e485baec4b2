"""Counters as the columns that the SQL statements unnest.

A column goes as the text of a PostgreSQL array, put together by joining: psycopg dumps
a list item by item, which took longer than PostgreSQL takes to insert the rows.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from psycopg import DataError

from ledger.gains import Gain
from ledger.place import Arrival, Placed
from schemas.messages import Counter

Columns = dict[str, str]


def arrival_columns(arrivals: Sequence[Arrival]) -> Columns:
    """Counters as they came; members as JSON text, since SQL has no ragged arrays."""
    counters = [arrival.counter for arrival in arrivals]
    return {
        "batch_ids": plain_array(arrival.batch_id for arrival in arrivals),
        "item_indexes": plain_array(counter.index for counter in counters),
        "external_subscription_ids": text_array(
            [c.external_subscription_id for c in counters]
        ),
        "codes": text_array([counter.code for counter in counters]),
        "transaction_ids": text_array([counter.transaction_id for counter in counters]),
        "timestamps_us": plain_array(counter.timestamp_us for counter in counters),
        "values": text_array([counter.value for counter in counters]),
        "members": text_array([_as_json(counter.members) for counter in counters]),
        **_more_columns(counters),
    }


def placed_columns(items: Sequence[Placed]) -> Columns:
    """Counters with their place; numbers as plain text, exact."""
    counters = [item.arrival.counter for item in items]
    spots = [item.spot for item in items]
    return {
        "subscription_ids": plain_array(spot.subscription_id for spot in spots),
        "metric_ids": plain_array(spot.metric.id for spot in spots),
        "batch_ids": plain_array(item.arrival.batch_id for item in items),
        "item_indexes": plain_array(counter.index for counter in counters),
        "transaction_ids": text_array([counter.transaction_id for counter in counters]),
        "timestamps_us": plain_array(counter.timestamp_us for counter in counters),
        "period_starts": instant_array([spot.period.start for spot in spots]),
        "usage_starts": instant_array([spot.usage_start for spot in spots]),
        "values": plain_array(item.value or "NULL" for item in items),
        "members": text_array([_as_json(item.members) for item in items]),
        **_more_columns(counters),
    }


def gain_columns(gains: Sequence[Gain]) -> Columns:
    """Gains, and beside them a row for each of their members."""
    spots = [gain.spot for gain in gains]
    members = [(gain.spot, member) for gain in gains for member in gain.members]
    return {
        "subscription_ids": plain_array(spot.subscription_id for spot in spots),
        "metric_ids": plain_array(spot.metric.id for spot in spots),
        "period_starts": instant_array([spot.period.start for spot in spots]),
        "usage_starts": instant_array([spot.usage_start for spot in spots]),
        "period_ends": instant_array([spot.period.end for spot in spots]),
        "aggregations": plain_array(spot.metric.aggregation for spot in spots),
        "quantities": plain_array(
            "NULL" if gain.quantity is None else format(gain.quantity, "f")
            for gain in gains
        ),
        "counters": plain_array(gain.counters for gain in gains),
        "last_at_us": plain_array(gain.last_at_us for gain in gains),
        "last_transaction_ids": text_array([g.last_transaction_id for g in gains]),
        "member_subscription_ids": plain_array(s.subscription_id for s, _ in members),
        "member_metric_ids": plain_array(spot.metric.id for spot, _ in members),
        "member_usage_starts": instant_array([spot.usage_start for spot, _ in members]),
        "members": text_array([member for _, member in members]),
    }


def plain_array(values: Iterable[Any]) -> str:
    """Of values whose text needs no quotes: numbers, uuids, our own codes, NULL."""
    return "{" + ",".join(map(str, values)) + "}"


def instant_array(instants: Sequence[datetime]) -> str:
    """Of instants, most of which are alike."""
    texts = {instant: f'"{instant.isoformat()}"' for instant in set(instants)}
    return plain_array(texts[instant] for instant in instants)


def text_array(texts: Sequence[str | None]) -> str:
    """Of any text, quoted. Raises psycopg.DataError for a NUL, as psycopg would."""
    if not texts:
        return "{}"
    if None in texts:
        return plain_array("NULL" if t is None else _quoted(t) for t in texts)
    # A NUL is in no text, hence where one ends: one pass of each step over all.
    joined = "\0".join(texts)  # type: ignore[arg-type]  # there is no None
    if joined.count("\0") != len(texts) - 1:
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return "{" + _quoted(joined).replace("\0", '","') + "}"


def _more_columns(counters: Sequence[Counter]) -> Columns:
    return {
        "properties": text_array([counter.properties for counter in counters]),
        "timestamps_given": plain_array(c.timestamp_given for c in counters),
    }


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _as_json(members: tuple[str, ...] | None) -> str | None:
    return None if members is None else json.dumps(members)
