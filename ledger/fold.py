"""Folding counters: dedupe, aggregate, roll up; set-based, in key order.

The identity of a counter is the primary key of the counter table, so that a duplicate
is refused by the database, whatever runs beside it. All that one transaction folds goes
in at once, counters before members before rollups, each in key order: two that have
keys in common wait for each other, and never in a circle.

Most batches are all new, and are copied in. One counter that is there already undoes
the copy; then each is inserted unless it is there.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter

from psycopg.errors import UniqueViolation

from ledger.columns import arrival_columns, gain_columns, placed_columns
from ledger.copy_lines import counter_lines
from ledger.counter_value import Metric
from ledger.db import Connection
from ledger.event_errors import note_rejected
from ledger.gains import Gain, gains_of
from ledger.late import begin_corrections, drop_idle_corrections
from ledger.locks import TERMS_LOCK
from ledger.outcomes import Outcome
from ledger.parking import park_counters
from ledger.place import (
    EPOCH,
    MICROSECOND,
    Arrival,
    Catalog,
    Placed,
    Spot,
    Subscription,
    place_counters,
)
from ledger.queries import load_queries
from ledger.removals import settle_removals
from ledger.terms import frozen_periods, read_terms
from ledger.threshold_watch import watch_usage
from ledger.undated import find_repeats
from schemas.timestamps import LATEST_US

APPLIED = Outcome("applied")
DUPLICATE = Outcome("duplicate")
LINES_AT_ONCE = 250
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
    rejected: list[tuple[Arrival, str]] = []
    pending = arrivals
    while pending:
        placement = place_counters(pending, _known(conn, service_id, pending))
        placed += placement.placed
        rejected += placement.rejected
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
    repeats = find_repeats(conn, service_id, rejected)
    outcomes.update((key, DUPLICATE) for key in repeats)
    rejected = [(a, why) for a, why in rejected if a.key not in repeats]
    outcomes.update((a.key, Outcome("rejected", why)) for a, why in rejected)
    note_rejected(conn, service_id, rejected, now)
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
        first = EPOCH + earliest[name] * MICROSECOND
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
        metrics={code: Metric(*row) for code, *row in metrics},
    )


def _apply(
    conn: Connection, service_id: int, placed: Sequence[Placed], now: datetime
) -> dict[ItemKey, Outcome]:
    begun = begin_corrections(conn, placed, now)
    fresh = _fold(conn, _first_of_each(placed), now)
    drop_idle_corrections(conn, begun)
    watch_usage(conn, service_id, fresh)
    outcomes = {item.arrival.key: APPLIED for item in fresh}
    if len(outcomes) == len(placed):
        return outcomes
    seen_before = [item for item in placed if item.arrival.key not in outcomes]
    same = _compare(conn, seen_before)
    outcomes.update((key, DUPLICATE) for key, equal in same.items() if equal)
    conflicts = [item.arrival for item in seen_before if not same[item.arrival.key]]
    outcomes.update((a.key, Outcome("conflict", CONFLICT_REASON)) for a in conflicts)
    _record_conflicts(conn, service_id, conflicts, now)
    return outcomes


def _first_of_each(placed: Iterable[Placed]) -> list[Placed]:
    """The first item of each identity, in key order: a batch may hold one twice."""
    by_metric: dict[tuple[int, int], dict[str, Placed]] = {}
    by_spot: dict[Spot, dict[str, Placed]] = {}
    for item in placed:
        firsts = by_spot.get(item.spot)
        if firsts is None:
            key = item.spot.subscription_id, item.spot.metric.id
            firsts = by_spot[item.spot] = by_metric.setdefault(key, {})
        firsts.setdefault(item.arrival.counter.transaction_id, item)
    return [
        firsts[transaction_id]
        for _, firsts in sorted(by_metric.items(), key=itemgetter(0))
        for transaction_id in sorted(firsts)
    ]


def _fold(conn: Connection, items: Sequence[Placed], now: datetime) -> Sequence[Placed]:
    """Those that are new, folded into their rollups. Items are in key order."""
    if not items:
        return []
    fresh, gains = items, _copy(conn, items)
    if gains is None:
        fresh = _insert(conn, items)
        gains = gains_of(fresh)
    if gains:
        conn.execute(_SQL["add_gains"], {**gain_columns(gains), "now": now})
        settle_removals(conn, gains)
    return fresh


def _copy(conn: Connection, items: Sequence[Placed]) -> list[Gain] | None:
    """The gains, if all of them were new; else None, and none has been stored.

    Lines are written and gains worked out while PostgreSQL stores the lines before.
    """
    try:
        with (
            conn.transaction(),
            conn.cursor() as cursor,
            cursor.copy(_SQL["copy_counters"]) as copy,
        ):
            for first in range(0, len(items), LINES_AT_ONCE):
                copy.write(counter_lines(items[first : first + LINES_AT_ONCE]))
            return gains_of(items)
    except UniqueViolation:
        return None


def _insert(conn: Connection, items: Sequence[Placed]) -> list[Placed]:
    rows = conn.execute(_SQL["insert_new_counters"], placed_columns(items))
    new = {(str(batch_id), index) for batch_id, index in rows}
    return [item for item in items if item.arrival.key in new]


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
    outcomes.update((key, DUPLICATE) for key in lot.duplicates)
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
