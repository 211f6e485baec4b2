"""Folding again from the counters: when what was counted, or how, has changed.

Frozen rollups stay as they are. The caller excludes the service's folds first; time
grows with the counters of the scope, on the database's side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.db import Connection
from ledger.periods import Period
from ledger.queries import load_queries
from ledger.threshold_watch import watch_subscription

_SQL = load_queries("refolding")


@dataclass(frozen=True)
class Scope:
    """What to fold again: a subscription, one metric of it or all, and the first and
    last start of the periods of usage. None: no bound."""

    subscription_id: int
    metric_id: int | None = None
    first: datetime | None = None
    last: datetime | None = None


@dataclass(frozen=True)
class AggregationChange:
    """What another aggregation of a metric did: rollups that stay, and subscriptions
    whose open periods were folded again."""

    before: str
    after: str
    frozen_rollups: int
    refolded_subscriptions: int


def refold(conn: Connection, scope: Scope, periods: Sequence[Period] = ()) -> None:
    """Fold a scope of periods that are not frozen by their metrics' aggregations.

    ``periods`` give new rollups their ends. Repeating it changes nothing.
    """
    values = {
        **scope.__dict__,
        "aggregation": None,
        "period_starts": [period.start for period in periods],
        "period_ends": [period.end for period in periods],
    }
    conn.execute(_SQL["forget_members"], values)
    conn.execute(_SQL["collect_members"], values)
    conn.execute(_SQL["refold_rollups"], values)
    conn.execute(_SQL["empty_rollups"], values)
    watch_subscription(conn, scope.subscription_id)


def refold_correction(
    conn: Connection, scope: Scope, period_start: datetime, aggregation: str
) -> None:
    """Fold one correction again, billed in that period; the scope is its usage's."""
    values = {
        **scope.__dict__,
        "aggregation": aggregation,
        "period_start": period_start,
        "usage_start": scope.first,
    }
    conn.execute(_SQL["forget_members"], values)
    conn.execute(_SQL["collect_members"], values)
    conn.execute(_SQL["refold_correction"], values)
    watch_subscription(conn, scope.subscription_id)


def refold_metric(
    conn: Connection, metric_id: int, before: str, after: str
) -> AggregationChange:
    """Fold a metric's open periods again, of all subscriptions; frozen ones stay."""
    frozen = refolded = 0
    for key, frozen_until, is_open, billed in conn.execute(
        _SQL["subscriptions_with_usage"], {"metric_id": metric_id}
    ).fetchall():
        frozen += billed
        if is_open:
            refold(conn, Scope(key, metric_id, frozen_until))
            refolded += 1
    return AggregationChange(before, after, frozen, refolded)
