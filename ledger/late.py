"""Late usage: what belongs to a frozen period is billed in the first open one (P8).

A correction is a rollup of its own. It begins with what the usage's period came to when
it was last billed, and late counters are folded into it as into any other; what it adds
to the bill is the difference.
"""

from collections.abc import Sequence
from datetime import datetime

from ledger.db import Connection
from ledger.periods import Period
from ledger.place import Placed, RollupKey
from ledger.queries import load_queries

_SQL = load_queries("late")


def begin_corrections(
    conn: Connection, placed: Sequence[Placed], now: datetime
) -> list[RollupKey]:
    """Begin the corrections that late items need; answers the keys of the new ones.

    Call it before the fold, in its transaction. The subscription's next freeze is
    looked at again: after its end only a correction makes one.
    """
    spots = {
        (*spot.key, spot.period.end)
        for spot in {item.spot for item in placed}
        if spot.late
    }
    if not spots:
        return []
    return _begin(conn, sorted(spots), now)


def begin_correction(
    conn: Connection,
    subscription_id: int,
    metric_id: int,
    usage_start: datetime,
    period: Period,
    now: datetime,
) -> None:
    """Begin the correction of one metric's frozen period, if it has not begun yet."""
    spot = (subscription_id, metric_id, period.start, usage_start, period.end)
    _begin(conn, [spot], now)


def _begin(
    conn: Connection,
    spots: Sequence[tuple[int, int, datetime, datetime, datetime]],
    now: datetime,
) -> list[RollupKey]:
    subscription_ids, metric_ids, starts, usage_starts, ends = map(
        list, zip(*spots, strict=True)
    )
    values = {
        "subscription_ids": subscription_ids,
        "metric_ids": metric_ids,
        "period_starts": starts,
        "usage_starts": usage_starts,
        "period_ends": ends,
        "now": now,
    }
    conn.execute(_SQL["look_at_freeze_again"], values)
    rows = conn.execute(_SQL["begin_corrections"], values)
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def drop_idle_corrections(conn: Connection, begun: Sequence[RollupKey]) -> None:
    """Drop those of the new ones into which nothing was folded: all were duplicates."""
    if begun:
        columns = list(zip(*begun, strict=True))
        names = ("subscription_ids", "metric_ids", "period_starts", "usage_starts")
        values = {name: list(c) for name, c in zip(names, columns, strict=True)}
        conn.execute(_SQL["drop_idle_corrections"], values)
