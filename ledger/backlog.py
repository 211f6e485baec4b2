"""What waits, for the metrics: cheap enough to be asked every few seconds."""

from dataclasses import dataclass
from datetime import datetime

from ledger.db import Connection
from ledger.parking import TOO_LONG
from ledger.queries import load_queries

_SQL = load_queries("backlog")


@dataclass(frozen=True)
class Backlog:
    """Numbers of rows that wait. ``oldest_batch_at`` is None when no batch does.

    ``odoo_well``: the last check of Odoo found no problem; None before the first one.
    ``odoo_key_expires_at`` is None for a key without end, or when it is not known.
    ``drift``: what the last comparison found, by level; ``compared_at``: when that was.
    """

    batches_waiting: int
    oldest_batch_at: datetime | None
    counters_parked: int
    counters_parked_too_long: int
    dead_letters: int
    rollups_dirty: int
    webhooks_pending: int
    odoo_well: bool | None
    odoo_key_expires_at: datetime | None
    drift: int = 0
    drift_warnings: int = 0
    drift_failed: int = 0
    compared_at: datetime | None = None


def read_backlog(conn: Connection, now: datetime) -> Backlog:
    """The numbers of this moment."""
    row = conn.execute(_SQL["backlog"], {"too_long_until": now - TOO_LONG}).fetchone()
    assert row is not None  # noqa: S101 - a SELECT of subselects answers one row
    return Backlog(*row)
