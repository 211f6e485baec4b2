"""Deleting the counters of closed periods, beside running workers.

In batches of bounded size and time, each one transaction that also counts in the file's
row what it has deleted. No lock is taken but on the rows themselves, which nothing that
is folded or taken back can want any more.
"""

import time
from collections.abc import Callable, Iterator
from datetime import datetime

from ledger.db import Connection
from ledger.queries import load_queries

BATCH = 10_000
BATCH_SECONDS = 0.5
SUBSCRIPTIONS = 500

_SQL = load_queries("archiving")


def empty_file(
    conn: Connection, file_id: int, now: datetime, deleted: Callable[[], None]
) -> int:
    """Delete what a recorded file holds; answers how many counters that were, in all.

    ``conn`` is in autocommit; ``deleted`` is called after each batch. Repeated, it
    deletes what is left.
    """
    after_id = 0
    while True:
        page = conn.execute(
            _SQL["file_subscriptions"],
            {"file_id": file_id, "after_id": after_id, "limit": SUBSCRIPTIONS},
        ).fetchall()
        if not page:
            break
        deletions = _deletions(conn, page)
        while _delete_batch(conn, file_id, deletions):
            deleted()
        after_id = page[-1][0]
    row = conn.execute(
        _SQL["note_emptied"], {"file_id": file_id, "now": now}
    ).fetchone()
    assert row is not None  # noqa: S101 - its row was recorded
    return int(row[0])


def _delete_batch(
    conn: Connection, file_id: int, deletions: Iterator[tuple[int, int]]
) -> bool:
    """One transaction of bounded size and time; False: there was nothing left."""
    until = time.monotonic() + BATCH_SECONDS
    seen = counters = 0
    with conn.transaction():
        for deleted, looked_at in deletions:
            counters += deleted
            seen += looked_at
            if seen >= BATCH or time.monotonic() >= until:
                break
        conn.execute(_SQL["count_deleted"], {"file_id": file_id, "counters": counters})
    return seen > 0


def _deletions(
    conn: Connection, page: list[tuple[int, list[datetime]]]
) -> Iterator[tuple[int, int]]:
    """Delete step by step, one for each item; answers counters deleted, rows seen.

    A step that is rolled back is found again by the next run, which begins anew.
    """
    for subscription_id, starts in page:
        scope = {
            "subscription_id": subscription_id,
            "period_starts": starts,
            "limit": BATCH,
        }
        last = (0, "")
        while True:
            values = {**scope, "metric_id": last[0], "transaction_id": last[1]}
            row = conn.execute(_SQL["delete_counters"], values).fetchone()
            if row is None:
                break
            deleted, seen, *key = row
            last = (key[0], key[1])
            yield deleted, seen
        while members := conn.execute(_SQL["delete_members"], scope).rowcount:
            yield 0, members
