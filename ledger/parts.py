"""Usage by parts, from the counters: only where a charge prices it so.

Nothing is kept of parts: they are folded when they are asked for. Time grows with the
counters of these lines; all others cost nothing.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from ledger.charge import Charge
from ledger.db import Connection
from ledger.queries import load_queries
from ledger.rating import Part, Usage

_SQL = load_queries("parts")


@dataclass(frozen=True)
class Line:
    """A rollup that is to be rated by a charge: what it folds to, and how.

    ``counters`` came into it; a correction's earlier ones came before.
    """

    subscription_id: int
    metric_id: int
    period_start: datetime
    usage_start: datetime
    aggregation: str
    quantity: Decimal
    counters: int
    charge: Charge | None

    @property
    def needs_counters(self) -> bool:
        """Whether the rollup alone does not tell what it costs."""
        if self.charge is None:
            return False
        late = self.usage_start < self.period_start
        return self.charge.by_parts or (late and self.charge.counts_events)


def read_usages(conn: Connection, lines: Sequence[Line]) -> list[Usage]:
    """The usage that each line is rated by, as it stands for the line's period."""
    usages = [Usage(line.quantity, line.counters) for line in lines]
    wanted = [number for number, line in enumerate(lines) if line.needs_counters]
    if wanted:
        found = _read_parts(conn, [lines[number] for number in wanted])
        for number, parts in zip(wanted, found, strict=True):
            events = sum(part.events for part in parts)
            usages[number] = Usage(lines[number].quantity, events, parts)
    return usages


def _read_parts(conn: Connection, lines: Sequence[Line]) -> list[tuple[Part, ...]]:
    found: dict[int, list[Part]] = defaultdict(list)
    rows = conn.execute(
        _SQL["read_parts"],
        {
            "subscription_ids": [line.subscription_id for line in lines],
            "metric_ids": [line.metric_id for line in lines],
            "period_starts": [line.period_start for line in lines],
            "usage_starts": [line.usage_start for line in lines],
            "aggregations": [line.aggregation for line in lines],
            "terms": [json.dumps(_terms(line.charge)) for line in lines],
        },
    )
    for number, place, group, quantity, events in rows:
        found[number].append(Part(place, tuple(group), quantity, events))
    return [tuple(found[number]) for number in range(len(lines))]


def _terms(charge: Charge | None) -> dict[str, Any]:
    """What tells the parts of a charge apart."""
    if charge is None:
        return {"group_keys": [], "filters": []}
    return {
        "group_keys": charge.group_keys,
        "filters": [
            {"group_keys": one.group_keys, "values": one.values}
            for one in charge.filters
        ],
    }
