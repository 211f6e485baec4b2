"""A look at the whole ledger: what there is, what waits, what is dead."""

from dataclasses import dataclass
from datetime import datetime

from ledger.db import Connection
from ledger.queries import load_queries

_SQL = load_queries("status")


@dataclass(frozen=True)
class Status:
    """Numbers of rows; ``counters`` is how many the rollups hold.

    ``oldest_parked_at`` is None when none is parked. Bills are frozen periods that are
    to become a line of an invoice; those that Odoo refused wait as well.
    """

    services: int
    subscriptions: int
    batches_done: int
    batches_waiting: int
    batches_dead: int
    counters: int
    parked: int
    oldest_parked_at: datetime | None
    rollups: int
    rollups_to_push: int
    bills_waiting: int
    bills_refused: int
    oldest_bill_waits_since: datetime | None
    webhooks_pending: int
    webhooks_delivered: int
    dead_letters: int


@dataclass(frozen=True)
class Sync:
    """How the last pull of one kind of record from Odoo went.

    ``deleted``: how many the ledger has that Odoo has not got any more.
    """

    kind: str
    synced_at: datetime | None
    error: str | None
    deleted: int


@dataclass(frozen=True)
class WaitingPeriod:
    """A frozen period without its invoice, and why; ``since`` it froze."""

    service: str
    customer: str
    subscription: str
    period_start: datetime
    since: datetime
    reason: str


def read_status(conn: Connection) -> Status:
    """The numbers of this moment."""
    row = conn.execute(_SQL["status"]).fetchone()
    assert row is not None  # noqa: S101 - a SELECT of subselects answers one row
    return Status(*row)


def read_syncs(conn: Connection) -> list[Sync]:
    """Each kind of record that was ever pulled."""
    return [Sync(*row) for row in conn.execute(_SQL["sync"])]


def read_waiting_bills(
    conn: Connection, until: datetime, limit: int
) -> list[WaitingPeriod]:
    """Periods that froze by then and have no invoice yet, the oldest first."""
    rows = conn.execute(_SQL["waiting_bills"], {"until": until, "limit": limit})
    return [WaitingPeriod(*row) for row in rows]


def first_deleted(conn: Connection, kind: str, limit: int) -> list[str]:
    """``service/name`` of records that Odoo has not got any more."""
    values = {"kind": kind, "limit": limit}
    return [name for (name,) in conn.execute(_SQL["deleted_in_odoo"], values)]
