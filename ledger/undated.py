"""Events without a timestamp that come again after their subscription has ended.

Such an event is of the moment in which it arrives. Sent again after the end it could
not be applied any more; but it was, and to say that it was rejected would be wrong.
"""

from collections.abc import Iterable, Sequence

from ledger.columns import arrival_columns
from ledger.db import Connection
from ledger.place import AFTER_END, BEFORE_START, Arrival
from ledger.queries import load_queries

_SQL = load_queries("undated")


def find_repeats(
    conn: Connection, service_id: int, rejected: Iterable[tuple[Arrival, str]]
) -> set[tuple[str, int]]:
    """Of rejected counters, those that are repeats; by batch and index."""
    undated: Sequence[Arrival] = [
        arrival
        for arrival, reason in rejected
        if reason in (AFTER_END, BEFORE_START) and not arrival.counter.timestamp_given
    ]
    if not undated:
        return set()
    values = {**arrival_columns(undated), "service_id": service_id}
    rows = conn.execute(_SQL["find_repeats"], values)
    return {(str(batch_id), index) for batch_id, index in rows}
