"""Which local changes Odoo has not got yet: claiming them, and what became of them.

``due_at`` is when a change became due; that of a claimed one is the end of its lease,
that of a refused one its next attempt. Everything here may run twice: a mark names the
revision that was sent, and a change made since has another one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ledger.db import Connection
from ledger.dead_letters import DeadLetter, bury
from ledger.holding import (
    CUSTOMER,
    METRIC,
    PLAN,
    SUBSCRIPTION,
    SUBSCRIPTION_FIELDS,
    lock_record,
)
from ledger.outgoing_catalog import read_rows
from ledger.queries import load_queries

SENT_KINDS: Final = (METRIC, PLAN, CUSTOMER, SUBSCRIPTION)
"""In the order in which they refer to each other."""
MAX_ATTEMPTS: Final = 10
"""Then it is a dead letter, though still tried as often as its task says."""
DEAD_LETTER: Final = "local_change"

_SQL = load_queries("outgoing")


@dataclass(frozen=True)
class Change:
    """A record to send, as it was when claimed, by its external names.

    ``values``: all of its fields, by their names in ledger/holding.py and
    local_changes.py, a metric's and plan's by those of Odoo's row; ``changed``: those
    of them that Odoo has not taken.
    """

    kind: str
    record_id: int
    revision: int
    attempts: int
    changed: tuple[str, ...]
    service_id: int
    service: str
    external_id: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Look:
    """A record whose row in Odoo has to be read back. ``number``: of this look."""

    record_id: int
    odoo_id: int
    number: int


def something_to_do(conn: Connection, now: datetime) -> bool:
    """Whether a change is due, or a row of Odoo's is to be read back."""
    row = conn.execute(_SQL["something_to_do"], {"now": now}).fetchone()
    return row is not None and bool(row[0])


def claim_changes(
    conn: Connection, kind: str, limit: int, now: datetime, lease_until: datetime
) -> list[Change]:
    """Lease up to ``limit`` changes of a kind, those that waited longest.

    A subscription waits until Odoo has its customer and plan, a plan until it has its
    metrics. Call it outside a transaction: the rows are read as they are after the
    lease.
    """
    page = {"limit": limit, "now": now, "lease_until": lease_until}
    leased = conn.execute(_SQL[f"lease_{kind}s"], page).fetchall()
    if not leased:
        return []
    keys = {"record_ids": [row[0] for row in leased], "lease_until": lease_until}
    if kind in (METRIC, PLAN):
        return [
            Change(kind, *row, values) for row, values in read_rows(conn, kind, keys)
        ]
    return [_change(kind, *row) for row in conn.execute(_SQL[f"read_{kind}s"], keys)]


def release_changes(
    conn: Connection, changes: Sequence[Change], lease_until: datetime, now: datetime
) -> None:
    """End the leases of a call that failed as a whole; no row is to blame for it."""
    for kind in {change.kind for change in changes}:
        keys = [change.record_id for change in changes if change.kind == kind]
        values = {"kind": kind, "record_ids": keys, "lease_until": lease_until}
        conn.execute(_SQL["release_changes"], {**values, "now": now})


def mark_taken(conn: Connection, change: Change, odoo_id: int, now: datetime) -> None:
    """Note that Odoo has the revision, and under which id; its row is to be read back.

    Its own transaction: it waits for whoever writes the record.
    """
    key = {"kind": change.kind, "record_id": change.record_id}
    with conn.transaction():
        lock_record(conn, change.kind, change.service, change.external_id)
        values = {**key, "revision": change.revision, "now": now}
        conn.execute(_SQL["mark_taken"], values)
        own = {"record_id": change.record_id, "odoo_id": odoo_id}
        marked = conn.execute(_SQL[f"mark_{change.kind}"], own)
        if marked.rowcount and change.kind == SUBSCRIPTION:
            conn.execute(_SQL["push_usage"], {**own, "now": now})
        if marked.rowcount and change.kind == METRIC:
            conn.execute(_SQL["push_usage_of_metric"], {**own, "now": now})


def mark_refused(
    conn: Connection, change: Change, error: str, retry_at: datetime, now: datetime
) -> None:
    """Note why Odoo refused it; after MAX_ATTEMPTS it is a dead letter as well.

    The dead letter has the record as it was sent, and one row however often it dies. A
    record that was changed since is not blamed for what it was.
    """
    values = {"kind": change.kind, "record_id": change.record_id}
    values |= {"revision": change.revision, "error": error, "retry_at": retry_at}
    with conn.transaction():
        found = conn.execute(_SQL["mark_refused"], values).fetchone()
        if found is None or found[0] < MAX_ATTEMPTS:
            return
        letter = DeadLetter(
            kind=DEAD_LETTER,
            service_id=change.service_id,
            source_id=f"{change.kind} {change.record_id}",
            payload=_payload(change),
            reason="refused_by_odoo",
            detail=error,
            attempts=found[0],
        )
        bury(conn, letter, now)


def mark_overtaken(
    conn: Connection, change: Change, held: int, retry_at: datetime
) -> None:
    """Raise the revision above the one that Odoo holds, unless a change has since.

    So it is when a clock went back, and the ledger was restored from a backup.
    """
    values = {"kind": change.kind, "record_id": change.record_id, "held": held}
    conn.execute(_SQL["mark_overtaken"], {**values, "retry_at": retry_at})


def looks_to_take(conn: Connection, kind: str, limit: int) -> list[Look]:
    """Records whose row in Odoo has to be read back, by Odoo's id."""
    rows = conn.execute(_SQL[f"look_again_{kind}s"], {"limit": limit})
    return [Look(*row) for row in rows]


def mark_looked(conn: Connection, kind: str, looks: Collection[Look]) -> None:
    """These were read back; one that has to be read again since keeps its mark."""
    keys = [look.record_id for look in looks]
    numbers = [look.number for look in looks]
    values = {"kind": kind, "record_ids": keys, "looks": numbers}
    conn.execute(_SQL["looked"], values)


def _change(kind: str, *row: Any) -> Change:
    record_id, revision, attempts, unsent, service_id, code, name, *rest = row
    if kind == CUSTOMER:
        (values,) = rest
    else:
        values = dict(zip(SUBSCRIPTION_FIELDS, rest, strict=True))
    changed = tuple(unsent)
    return Change(
        kind, record_id, revision, attempts, changed, service_id, code, name, values
    )


def _payload(change: Change) -> dict[str, Any]:
    values = {
        field: value.isoformat() if isinstance(value, datetime) else value
        for field, value in change.values.items()
    }
    return {
        "service": change.service,
        "external_id": change.external_id,
        "changed": list(change.changed),
        "values": values,
    }
