"""Folding a batch's counters: dedupe, aggregate, roll up; set-based, in key order.

The identity of a counter is the primary key of the counter table, so that a duplicate
is refused by the database, whatever runs beside it.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger.catalog import load_catalog
from ledger.db import Connection
from ledger.parking import park_counters
from ledger.place import Placed, place_counters
from ledger.queries import load_queries
from schemas.messages import Counter

CONFLICT_REASON = "value_or_timestamp_differs"

_SQL = load_queries("fold")


@dataclass(frozen=True)
class Outcome:
    """What became of an item: a key of ``batches.LETTERS``; where refused, why."""

    outcome: str
    reason: str | None = None


def fold_items(
    conn: Connection,
    service_id: int,
    batch_id: str,
    counters: Sequence[Counter],
    now: datetime,
    *,
    parking: bool = True,
) -> dict[int, Outcome]:
    """Apply counters of one batch; answers each one's outcome by its index.

    Counters that cannot be placed yet are parked; with ``parking=False`` (they come
    from there) they are only reported as parked.
    """
    catalog = load_catalog(
        conn,
        service_id,
        {c.external_subscription_id for c in counters},
        {c.code for c in counters},
    )
    placement = place_counters(counters, catalog)
    outcomes = {c.index: Outcome("rejected", why) for c, why in placement.rejected}
    if parking:
        outcomes.update(_park(conn, service_id, batch_id, placement.parked, now))
    else:
        outcomes.update(
            (c.index, Outcome("parked", why)) for c, why in placement.parked
        )
    firsts = _first_of_each(placement.placed)
    fresh = _fold(conn, batch_id, firsts, now)
    outcomes.update((index, Outcome("applied")) for index in fresh)
    seen_before = [p for p in placement.placed if p.counter.index not in fresh]
    same = _compare(conn, seen_before)
    conflicts = [item for item in seen_before if not same[item.counter.index]]
    outcomes.update((i, Outcome("duplicate")) for i, equal in same.items() if equal)
    outcomes.update(
        (item.counter.index, Outcome("conflict", CONFLICT_REASON)) for item in conflicts
    )
    _record_conflicts(conn, batch_id, conflicts, now)
    return outcomes


def _first_of_each(placed: Iterable[Placed]) -> list[Placed]:
    """The first item of each identity: a batch may hold one twice."""
    firsts: dict[tuple[int, int, str], Placed] = {}
    for item in placed:
        firsts.setdefault(item.key, item)
    return list(firsts.values())


def _fold(
    conn: Connection, batch_id: str, items: Sequence[Placed], now: datetime
) -> set[int]:
    if not items:
        return set()
    rows = conn.execute(
        _SQL["fold_counters"],
        {
            **_columns(items),
            "batch_id": batch_id,
            "now": now,
            "aggregations": [item.metric.aggregation for item in items],
            "period_starts": [item.period.start for item in items],
            "period_ends": [item.period.end for item in items],
        },
    )
    return {index for (index,) in rows}


def _compare(conn: Connection, items: Sequence[Placed]) -> dict[int, bool]:
    """Whether each item equals the stored counter of its identity, by item index."""
    if not items:
        return {}
    return dict(conn.execute(_SQL["compare_stored"], _columns(items)).fetchall())


def _columns(items: Sequence[Placed]) -> dict[str, list[Any]]:
    return {
        "subscription_ids": [item.subscription_id for item in items],
        "metric_ids": [item.metric.id for item in items],
        "item_indexes": [item.counter.index for item in items],
        "transaction_ids": [item.counter.transaction_id for item in items],
        "timestamps_us": [item.counter.timestamp_us for item in items],
        "values": [
            None if item.value is None else format(item.value, "f") for item in items
        ],
        "members": [
            None if item.members is None else json.dumps(item.members) for item in items
        ],
    }


def _record_conflicts(
    conn: Connection, batch_id: str, items: Sequence[Placed], now: datetime
) -> None:
    if items:
        columns = {**_columns(items), "batch_id": batch_id, "now": now}
        conn.execute(_SQL["insert_conflicts"], columns)


def _park(
    conn: Connection,
    service_id: int,
    batch_id: str,
    parked: Sequence[tuple[Counter, str]],
    now: datetime,
) -> dict[int, Outcome]:
    if not parked:
        return {}
    reasons = {counter.index: reason for counter, reason in parked}
    lot = park_counters(conn, service_id, batch_id, parked, now)
    outcomes = {index: Outcome("parked", reasons[index]) for index in lot.parked}
    outcomes.update((index, Outcome("duplicate")) for index in lot.duplicates)
    outcomes.update(
        (index, Outcome("conflict", CONFLICT_REASON)) for index in lot.conflicts
    )
    gone = [counter for counter, _ in parked if counter.index not in outcomes]
    if gone:
        # Their twins left the parking lot between two statements of ours, because the
        # catalog knows them by now: another look places them.
        outcomes.update(fold_items(conn, service_id, batch_id, gone, now))
    return outcomes
