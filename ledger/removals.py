"""Events that take members of a unique count back, as Lago's do.

A member counts when its latest counter in the period does not remove it; what came
first does not matter. A fold first counts every member that it brings, as if there were
no such events; where there are, the members that it touched are then looked up among
all counters of the period. The others are as they were.
"""

from collections.abc import Iterable, Sequence

from ledger.columns import instant_array, plain_array, text_array
from ledger.db import Connection
from ledger.gains import Gain
from ledger.place import RollupKey
from ledger.queries import load_queries

_SQL = load_queries("removals")


def settle_removals(conn: Connection, gains: Iterable[Gain]) -> None:
    """Let removals count in these rollups, whose gains were just added.

    Who folds beside it has waited for the rollups' rows, and so looks at what this one
    wrote. Time grows with the counters of the periods that have removals.
    """
    uniques = {g.spot.key: g for g in gains if g.spot.metric.aggregation == "unique"}
    if not uniques:
        return
    for row in conn.execute(_SQL["with_removals"], _columns(list(uniques))).fetchall():
        subscription_id, metric_id, period_start, usage_start = row
        gain = uniques[subscription_id, metric_id, period_start, usage_start]
        values = {
            "subscription_id": subscription_id,
            "metric_id": metric_id,
            "period_start": period_start,
            "usage_start": usage_start,
            "members": text_array(sorted(gain.members)),
        }
        conn.execute(_SQL["settle_members"], values)
        conn.execute(_SQL["count_members"], values)


def _columns(keys: Sequence[RollupKey]) -> dict[str, str]:
    return {
        "subscription_ids": plain_array(key[0] for key in keys),
        "metric_ids": plain_array(key[1] for key in keys),
        "period_starts": instant_array([key[2] for key in keys]),
        "usage_starts": instant_array([key[3] for key in keys]),
    }
