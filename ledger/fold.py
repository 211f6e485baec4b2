"""Folding counters: dedupe, aggregate, roll up; set-based, in key order.

The identity of a counter is the primary key of the counter table, so that a duplicate
is refused by the database, whatever runs beside it. All that one transaction folds goes
into one statement, whose inserts are in key order: two that have keys in common wait
for each other, and never in a circle.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from ledger.columns import arrival_columns, placed_columns, rollup_columns
from ledger.db import Connection
from ledger.late import begin_corrections, drop_idle_corrections
from ledger.locks import TERMS_LOCK
from ledger.outcomes import Outcome
from ledger.parking import park_counters
from ledger.place import (
    EPOCH,
    Arrival,
    Catalog,
    Metric,
    Placed,
    Subscription,
    place_counters,
)
from ledger.queries import load_queries
from ledger.terms import frozen_periods, read_terms
from schemas.timestamps import LATEST_US

CONFLICT_REASON = "value_or_timestamp_differs"

_SQL = load_queries("fold")

ItemKey = tuple[str, int]


def fold_items(
    conn: Connection,
    service_id: int,
    arrivals: Sequence[Arrival],
    now: datetime,
    *,
    parking: bool = True,
) -> dict[ItemKey, Outcome]:
    """Apply counters of one service; answers each one's outcome by batch and index.

    Counters that cannot be placed yet are parked; with ``parking=False`` (they come
    from there) they are only reported as parked. Call it once in a transaction.
    """
    conn.execute(
        _SQL["exclude_term_changes"],
        {"lock_space": TERMS_LOCK, "service_id": service_id},
    )
    outcomes: dict[ItemKey, Outcome] = {}
    placed: list[Placed] = []
    pending = arrivals
    while pending:
        placement = place_counters(pending, _known(conn, service_id, pending))
        placed += placement.placed
        outcomes.update(
            (arrival.key, Outcome("rejected", why))
            for arrival, why in placement.rejected
        )
        if parking:
            outcomes.update(_park(conn, service_id, placement.parked, now))
        else:
            outcomes.update(
                (arrival.key, Outcome("parked", why))
                for arrival, why in placement.parked
            )
        # What has left the parking lot between two statements of ours has done so
        # because the catalog knows it by now: another look places it.
        pending = [a for a, _ in placement.parked if a.key not in outcomes]
    outcomes.update(_apply(conn, service_id, placed, now))
    return outcomes


def _known(conn: Connection, service_id: int, arrivals: Sequence[Arrival]) -> Catalog:
    """What the ledger knows of the subscriptions and metrics that are named."""
    counters = [arrival.counter for arrival in arrivals]
    earliest: dict[str, int] = {}
    for counter in counters:
        name, at = counter.external_subscription_id, counter.timestamp_us
        if at < earliest.get(name, LATEST_US):
            earliest[name] = at
    terms = {
        name: (key, read_terms(*row))
        for name, key, *row in conn.execute(
            _SQL["known_subscriptions"],
            {"service_id": service_id, "external_ids": list(earliest)},
        )
    }
    late: dict[int, datetime] = {}
    for name, (key, its) in terms.items():
        first = EPOCH + timedelta(microseconds=earliest[name])
        if its.frozen_until is not None and first < its.frozen_until:
            late[key] = first
    frozen = frozen_periods(conn, late) if late else {}
    metrics = conn.execute(
        _SQL["known_metrics"],
        {"service_id": service_id, "codes": list({c.code for c in counters})},
    )
    return Catalog(
        subscriptions={
            name: Subscription(key, its, frozen.get(key, ()))
            for name, (key, its) in terms.items()
        },
        metrics={code: Metric(key, aggregation) for code, key, aggregation in metrics},
    )


def _apply(
    conn: Connection, service_id: int, placed: Sequence[Placed], now: datetime
) -> dict[ItemKey, Outcome]:
    begun = begin_corrections(conn, placed, now)
    fresh = _fold(conn, _first_of_each(placed), now)
    drop_idle_corrections(conn, begun)
    outcomes = {key: Outcome("applied") for key in fresh}
    seen_before = [item for item in placed if item.arrival.key not in fresh]
    same = _compare(conn, seen_before)
    outcomes.update((key, Outcome("duplicate")) for key, equal in same.items() if equal)
    conflicts = [item.arrival for item in seen_before if not same[item.arrival.key]]
    outcomes.update((a.key, Outcome("conflict", CONFLICT_REASON)) for a in conflicts)
    _record_conflicts(conn, service_id, conflicts, now)
    return outcomes


def _first_of_each(placed: Iterable[Placed]) -> list[Placed]:
    """The first item of each identity: a batch may hold one twice."""
    firsts: dict[tuple[int, int, str], Placed] = {}
    for item in placed:
        firsts.setdefault(item.identity, item)
    return list(firsts.values())


def _fold(conn: Connection, items: Sequence[Placed], now: datetime) -> set[ItemKey]:
    if not items:
        return set()
    rows = conn.execute(
        _SQL["fold_counters"],
        {**placed_columns(items), **rollup_columns(items), "now": now},
    )
    return {(str(batch_id), index) for batch_id, index in rows}


def _compare(conn: Connection, items: Sequence[Placed]) -> dict[ItemKey, bool]:
    """Whether each item equals the stored counter of its identity."""
    if not items:
        return {}
    rows = conn.execute(_SQL["compare_stored"], placed_columns(items))
    return {(str(batch_id), index): same for batch_id, index, same in rows}


def _park(
    conn: Connection,
    service_id: int,
    parked: Sequence[tuple[Arrival, str]],
    now: datetime,
) -> dict[ItemKey, Outcome]:
    if not parked:
        return {}
    reasons = {arrival.key: reason for arrival, reason in parked}
    lot = park_counters(conn, service_id, parked, now)
    outcomes = {key: Outcome("parked", reasons[key]) for key in lot.parked}
    outcomes.update((key, Outcome("duplicate")) for key in lot.duplicates)
    outcomes.update(
        (key, Outcome("conflict", CONFLICT_REASON)) for key in lot.conflicts
    )
    conflicts = [arrival for arrival, _ in parked if arrival.key in lot.conflicts]
    _record_conflicts(conn, service_id, conflicts, now)
    return outcomes


def _record_conflicts(
    conn: Connection, service_id: int, arrivals: Sequence[Arrival], now: datetime
) -> None:
    if arrivals:
        columns = arrival_columns(arrivals)
        more = {"service_id": service_id, "now": now}
        conn.execute(_SQL["insert_conflicts"], {**columns, **more})
