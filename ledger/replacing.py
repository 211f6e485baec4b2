"""Putting a subscription's counters into other periods, when its terms have changed.

A start that was corrected, another anchor, timezone or interval moves the bounds of the
periods; what was counted by the old bounds is counted again by the new ones. Counters
that the new terms leave outside the subscription's life stay where they are.
"""

from datetime import datetime

from ledger.db import Connection
from ledger.locks import TERMS_LOCK
from ledger.periods import Period, Terms, period_at
from ledger.queries import load_queries

_SQL = load_queries("replacing")


TermsById = dict[int, Terms]


def terms_of(
    conn: Connection,
    service: str,
    *,
    subscription: str | None = None,
    plan: str | None = None,
) -> TermsById:
    """Terms by subscription: of the one with this external id, or of a plan's."""
    names = {"service": service, "subscription": subscription, "plan": plan}
    return {key: Terms(*row) for key, *row in conn.execute(_SQL["terms_of"], names)}


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
        _SQL["exclude_folds"], {"lock_space": TERMS_LOCK, "service_id": service_id}
    )
    for subscription_id in changed:
        replace_counters(conn, subscription_id, after[subscription_id])


def replace_counters(conn: Connection, subscription_id: int, terms: Terms) -> None:
    """Count a subscription's counters again by these terms.

    Time and memory grow with the subscription's counters, on the database's side.
    """
    key = {"subscription_id": subscription_id}
    span = conn.execute(_SQL["span"], key).fetchone()
    if span is None or span[0] is None:
        return
    periods = _periods_of(terms, *span)
    values = {
        **key,
        "period_starts": [period.start for period in periods],
        "period_ends": [period.end for period in periods],
    }
    conn.execute(_SQL["move_counters"], values)
    conn.execute(_SQL["forget_members"], values)
    conn.execute(_SQL["collect_members"], values)
    conn.execute(_SQL["refold_rollups"], values)
    conn.execute(_SQL["empty_rollups"], values)


def _periods_of(terms: Terms, first: datetime, last: datetime) -> list[Period]:
    """The periods that hold instants from ``first`` to ``last``, in their order."""
    periods: list[Period] = []
    instant = max(first, terms.started_at)
    while instant <= last:
        period = period_at(terms, instant)
        if period is None:
            break
        periods.append(period)
        instant = period.end
    return periods
