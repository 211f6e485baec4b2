"""Sends what apps made or changed to Odoo: customers, subscriptions, the catalog.

Metrics first: each waits until Odoo has what it names. Claim with a lease
and commit, call, mark, read back. Whatever happens in between, nothing is lost and
nothing is done twice: a change stays due until its revision is marked; a revision that
Odoo has already is answered ``unchanged``, and an older one, of a call that comes late,
``stale``. A ledger that was restored from a backup may have changes that are older than
what Odoo took since: revisions say when they were made, and the later one stays. After
a change was taken, Odoo's row is the truth again, and is read back at once: Odoo may
have taken it otherwise, as with a client that several services share.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from ledger.catalog import mark_sync_failed, mark_synced
from ledger.db import Connection, connect
from ledger.holding import CUSTOMER, METRIC, PLAN
from ledger.local_changes import CONTACT_FIELDS, revision_at
from ledger.outgoing import (
    MAX_ATTEMPTS,
    SENT_KINDS,
    Change,
    claim_changes,
    mark_overtaken,
    mark_refused,
    mark_taken,
    release_changes,
    something_to_do,
)
from ledger.pushing import push_failed_before
from odoo_bridge.apply_rows import METHOD, MODEL, STALE, Applied, apply_rows
from odoo_bridge.client import OdooClient
from odoo_bridge.errors import OdooError
from odoo_bridge.faults import one_line
from odoo_bridge.parts_check import why_no_parts
from odoo_bridge.reading_back import read_back
from schemas.catalog_entries import Customer, Subscription
from schemas.odoo_rows import Row, customer_row, subscription_row

SYNC_KIND: Final = "changes"
CALL_ROWS: Final = 200
LEASE: Final = timedelta(seconds=30)
FIRST_WAIT: Final = timedelta(seconds=10)
LONGEST_WAIT: Final = timedelta(minutes=15)
DEAD_WAIT: Final = timedelta(days=1)
"""Of a dead letter: what Odoo refuses may have been mended there by then."""
RUN_SECONDS: Final = 120.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SendReport:
    """How many changes Odoo took and refused, and how many rows were read back.

    ``stale``: it had a newer revision of the record already.
    """

    taken: int = 0
    refused: int = 0
    stale: int = 0
    read_back: int = 0


def send_changes(
    client: OdooClient, database_url: str, clock: Callable[[], datetime]
) -> SendReport:
    """Send what is due, batch after batch, for at most two minutes; then read it back.

    Safe to repeat, and to run several times at once. After a call that failed as a
    whole it first sends none, so that an Odoo that is away costs a small call a time
    and no write. Raises OdooError, and psycopg.OperationalError: the changes stay due.
    """
    taken = refused = stale = 0
    began = time.monotonic()
    with connect(database_url) as conn:
        conn.autocommit = True
        if not something_to_do(conn, clock()):
            return SendReport()
        _probe(client, conn, clock())
        for kind in SENT_KINDS:
            while time.monotonic() - began < RUN_SECONDS:
                batch = _send_batch(client, conn, kind, clock)
                if batch is None:
                    break
                taken += batch.taken
                refused += batch.refused
                stale += batch.stale
    looked = sum(read_back(client, database_url, kind, clock) for kind in SENT_KINDS)
    return SendReport(taken, refused, stale, looked)


def change_row(change: Change) -> Row:
    """What apply_catalog takes: the whole record, and which of it an app changed.

    An Odoo that has the record already takes nothing but what was changed.
    """
    values = change.values
    if change.kind in (METRIC, PLAN):
        row = dict(values)
    elif change.kind == CUSTOMER:
        customer = Customer(change.external_id, values["name"], values["email"])
        row = customer_row(change.service, customer)
        row |= {field: values.get(field) or False for field in CONTACT_FIELDS}
    else:
        row = subscription_row(
            change.service, Subscription(change.external_id, **values)
        )
    return {**row, "revision": change.revision, "changed": list(change.changed)}


def _probe(client: OdooClient, conn: Connection, now: datetime) -> None:
    """After a failure, send nothing first: the same call, rights and addon, no rows."""
    if not push_failed_before(conn, SYNC_KIND):
        return
    try:
        client.call(MODEL, METHOD, kind=SENT_KINDS[0], rows=[])
    except OdooError as error:
        mark_sync_failed(conn, SYNC_KIND, one_line(str(error)), now)
        raise
    mark_synced(conn, SYNC_KIND, now)


def _send_batch(
    client: OdooClient, conn: Connection, kind: str, clock: Callable[[], datetime]
) -> SendReport | None:
    """One batch; None when there is none to send."""
    now = clock()
    lease_until = now + LEASE
    changes = claim_changes(conn, kind, CALL_ROWS, now, lease_until)
    if not changes:
        return None
    try:
        too_old = why_no_parts(client) if kind in (METRIC, PLAN) else None
        outcomes = (
            apply_rows(client, kind, [change_row(c) for c in changes])
            if too_old is None
            else [Applied("error", reason=too_old)] * len(changes)
        )
    except OdooError as error:
        release_changes(conn, changes, lease_until, clock())
        mark_sync_failed(conn, SYNC_KIND, one_line(str(error)), now)
        raise
    return _mark(conn, changes, outcomes, clock())


def _mark(
    conn: Connection,
    changes: Sequence[Change],
    outcomes: Sequence[Applied],
    now: datetime,
) -> SendReport:
    refused = stale = 0
    for change, outcome in zip(changes, outcomes, strict=True):
        retry_at = now + _wait(change.attempts)
        if outcome.status == "error":
            refused += 1
            mark_refused(conn, change, outcome.reason, retry_at, now)
            log.warning("change_refused", reason=outcome.reason, **_names(change))
        elif outcome.status == STALE:
            stale += 1
            if outcome.revision <= revision_at(now):
                # Made later than this one, which is from a backup of the ledger.
                mark_taken(conn, change, outcome.odoo_id, now)
                continue
            # By a clock that was ahead. At once, and later only if that does not help.
            due_at = retry_at if change.attempts else now
            mark_overtaken(conn, change, outcome.revision, due_at)
        else:
            mark_taken(conn, change, outcome.odoo_id, now)
    mark_synced(conn, SYNC_KIND, now)
    return SendReport(len(changes) - refused - stale, refused, stale)


def _wait(attempts: int) -> timedelta:
    """10 s, 20 s, 40 s … 15 min, give or take a quarter; a dead letter's is a day."""
    if attempts + 1 >= MAX_ATTEMPTS:
        return DEAD_WAIT
    doubled = FIRST_WAIT * (1 << attempts)
    return min(doubled, LONGEST_WAIT) * random.uniform(0.75, 1.25)


def _names(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "service": change.service,
        "external_id": change.external_id,
        "revision": change.revision,
    }
