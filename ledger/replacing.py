"""Putting a subscription's counters into other periods, when its terms have changed.

A start that was corrected, another anchor, timezone or interval moves the bounds of the
periods; what was counted by the old bounds is counted again by the new ones. Counters
that the new terms leave outside the subscription's life stay where they are.
"""

from datetime import datetime

from ledger.db import Connection
from ledger.fold import TERMS_LOCK
from ledger.periods import Period, Terms, period_at
from ledger.queries import load_queries

_SQL = load_queries("replacing")


def exclude_folds(conn: Connection, service_id: int) -> None:
    """Let no fold of the service run beside this transaction, which changes terms."""
    conn.execute(
        _SQL["exclude_folds"], {"lock_space": TERMS_LOCK, "service_id": service_id}
    )


def replace_counters(conn: Connection, subscription_id: int, now: datetime) -> None:
    """Count a subscription's counters again by its terms as they are now.

    In the transaction that changed the terms, after ``exclude_folds``. Repeating it
    changes nothing. Time and memory grow with the subscription's counters, on the
    database's side.
    """
    key = {"subscription_id": subscription_id}
    row = conn.execute(_SQL["terms"], key).fetchone()
    span = conn.execute(_SQL["span"], key).fetchone()
    if row is None or span is None or span[0] is None:
        return
    periods = _periods_of(Terms(*row[1:]), *span)
    values = {
        **key,
        "now": now,
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
