"""Putting a subscription's counters into other periods, when its terms have changed.

A start that was corrected, another anchor, timezone, plan or interval moves the bounds
of the periods; what was counted by the old bounds is counted again by the new ones.
What is frozen stays. Counters that the new terms leave outside the subscription's life
are taken back on record, and come back by themselves when the terms do.
"""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from ledger.db import Connection
from ledger.fold import fold_items
from ledger.locks import TERMS_LOCK
from ledger.periods import Period, Terms, begin_of, first_open_period, period_at
from ledger.place import Arrival
from ledger.queries import load_queries
from ledger.refolding import Scope, refold
from ledger.terms import TermsById
from schemas.messages import Counter, plain_number

_SQL = load_queries("refolding")
_LOCK_SQL = load_queries("rerating")


def replace_changed(
    conn: Connection, service_id: int, before: TermsById, after: TermsById
) -> None:
    """Count again those subscriptions whose terms have changed, in this transaction.

    No fold of the service runs beside it, from here to the commit: one that ran before
    is seen, one that comes after sees the new terms. Repeating it changes nothing.
    """
    changed = [
        key for key in sorted(before) if after.get(key, before[key]) != before[key]
    ]
    if not changed:
        return
    conn.execute(
        _LOCK_SQL["exclude_folds"],
        {"lock_space": TERMS_LOCK, "service_id": service_id},
    )
    for subscription_id in changed:
        replace_counters(conn, subscription_id, after[subscription_id])
        _bring_back(conn, service_id, subscription_id, after[subscription_id])
    conn.execute(_SQL["look_at_freezes"], {"subscription_ids": changed})


def replace_counters(conn: Connection, subscription_id: int, terms: Terms) -> None:
    """Count a subscription's counters again by these terms.

    Time and memory grow with the subscription's counters, on the database's side.
    """
    scope = Scope(subscription_id, first=terms.frozen_until)
    conn.execute(_SQL["lock_rollups"], scope.__dict__)
    if terms.frozen_until is not None:
        period = first_open_period(terms)
        conn.execute(
            _SQL["end_corrections"],
            {
                "subscription_id": subscription_id,
                "period_start": period.start,
                "period_end": period.end,
            },
        )
    life = {"begin": begin_of(terms), "end": terms.ended_at}
    conn.execute(_SQL["take_out_of_life"], {**scope.__dict__, **life})
    span = conn.execute(_SQL["span"], scope.__dict__).fetchone()
    periods = [] if span is None or span[0] is None else _periods_of(terms, *span)
    conn.execute(
        _SQL["move_counters"],
        {
            **scope.__dict__,
            "period_starts": [period.start for period in periods],
            "period_ends": [period.end for period in periods],
        },
    )
    refold(conn, scope, periods)


def _bring_back(
    conn: Connection, service_id: int, subscription_id: int, terms: Terms
) -> None:
    """Fold again what other terms had left outside the subscription's life.

    On the usual way, so that it is late where its period has been frozen meanwhile.
    """
    life = {"begin": terms.started_at, "end": terms.ended_at}
    rows = conn.execute(
        _SQL["back_in_life"], {"subscription_id": subscription_id, **life}
    ).fetchall()
    if not rows:
        return
    arrivals = [_arrival(*row) for _, *row in rows]
    now = datetime.now(UTC)
    outcomes = fold_items(conn, service_id, arrivals, now)
    back = [
        key
        for (key, *_), arrival in zip(rows, arrivals, strict=True)
        if outcomes[arrival.key].outcome == "applied"
    ]
    conn.execute(_SQL["mark_restored"], {"ids": back, "now": now})


def _arrival(
    batch_id: UUID,
    index: int,
    transaction_id: str,
    subscription: str,
    code: str,
    timestamp_us: int,
    value: Decimal | None,
    members: list[str] | None,
    properties: str | None,
) -> Arrival:
    counter = Counter(
        index,
        transaction_id,
        subscription,
        code,
        timestamp_us,
        None if value is None else plain_number(value),
        None if members is None else tuple(members),
        properties,
    )
    return Arrival(str(batch_id), counter)


def _periods_of(terms: Terms, first: datetime, last: datetime) -> list[Period]:
    """The periods that hold instants from ``first`` to ``last``, in their order."""
    periods: list[Period] = []
    instant = max(first, begin_of(terms), terms.frozen_until or first)
    while instant <= last:
        period = period_at(terms, instant)
        if period is None:
            break
        periods.append(period)
        instant = period.end
    return periods
