"""Pushes rollups to Odoo, up to 1,000 in one call, until none is left.

Claim with a lease and commit, call, mark. Whatever happens in between, nothing is lost
and nothing is wrong: a row stays dirty until its sent revision is marked; the values
are absolute, so that sending them again changes nothing; and Odoo ignores a revision
older than its own, so that a call which comes late cannot put an old value back. A
ledger that was restored from a backup is behind Odoo: its revision is raised above the
one that Odoo holds, and the row goes out again.
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
from ledger.pushing import (
    Claim,
    Overtaken,
    Refusal,
    claim_rollups,
    lock_subscriptions,
    mark_pushed,
    mark_refused,
    push_failed_before,
    raise_revisions,
    release_rollups,
    unlock_subscriptions,
)
from odoo_bridge.client import OdooClient
from odoo_bridge.errors import OdooError
from odoo_bridge.faults import one_line
from odoo_bridge.sending import METHOD, MODEL, Outcome, send_rollups
from schemas.odoo_rows import odoo_time

SYNC_KIND: Final = "push"
MAX_ROWS: Final = 1_000

# Short, since a crash of the worker should cost no more delay than this. A call that
# takes longer is still alone: the advisory lock lasts as long as the worker's session.
LEASE: Final = timedelta(seconds=30)
FIRST_WAIT: Final = timedelta(seconds=10)
LONGEST_WAIT: Final = timedelta(minutes=15)
RUN_SECONDS: Final = 120.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PushReport:
    """How many rows Odoo took and refused; stale: it had a newer revision already.

    A stale row is sent again with a revision above Odoo's, where Odoo tells it.
    """

    pushed: int = 0
    refused: int = 0
    stale: int = 0


def push_rollups(
    client: OdooClient, database_url: str, clock: Callable[[], datetime]
) -> PushReport:
    """Push what is dirty, batch after batch, for at most two minutes.

    Safe to repeat, and to run several times at once. After a push that failed as a
    whole it first sends none, so that an Odoo that is away costs a small call a time
    and no write. Raises OdooError, and psycopg.OperationalError: the rows stay dirty.
    """
    pushed = refused = stale = 0
    began = time.monotonic()
    # A connection of its own: advisory locks belong to the session.
    with connect(database_url) as conn:
        conn.autocommit = True
        while time.monotonic() - began < RUN_SECONDS:
            batch = _push_batch(client, conn, clock)
            if batch is None:
                break
            pushed += batch.pushed
            refused += batch.refused
            stale += batch.stale
    return PushReport(pushed, refused, stale)


def _push_batch(
    client: OdooClient, conn: Connection, clock: Callable[[], datetime]
) -> PushReport | None:
    """One batch; None when there is none to push."""
    now = clock()
    subscription_ids = lock_subscriptions(conn, MAX_ROWS, now)
    try:
        if not subscription_ids:
            return None
        _probe(client, conn, now)
        lease_until = now + LEASE
        claims = claim_rollups(conn, subscription_ids, MAX_ROWS, now, lease_until)
        if not claims:
            return None
        try:
            outcomes = send_rollups(client, claims)
        except OdooError as error:
            release_rollups(conn, claims, lease_until, clock())
            mark_sync_failed(conn, SYNC_KIND, one_line(str(error)), now)
            raise
        return _mark(conn, claims, outcomes, clock())
    finally:
        if not conn.broken:
            unlock_subscriptions(conn)


def _probe(client: OdooClient, conn: Connection, now: datetime) -> None:
    """After a failure, push nothing first: the same call, rights and addon, no rows."""
    if not push_failed_before(conn, SYNC_KIND):
        return
    try:
        client.call(MODEL, METHOD, rows=[])
    except OdooError as error:
        mark_sync_failed(conn, SYNC_KIND, one_line(str(error)), now)
        raise
    mark_synced(conn, SYNC_KIND, now)


def _mark(
    conn: Connection,
    claims: Sequence[Claim],
    outcomes: Sequence[Outcome],
    now: datetime,
) -> PushReport:
    done, refusals, overtaken, stale = [], [], [], 0
    for claim, outcome in zip(claims, outcomes, strict=True):
        if outcome.status == "error":
            retry_at = now + _wait(claim.attempts)
            refusals.append(Refusal(claim, outcome.reason, retry_at))
            log.warning("rollup_refused", reason=outcome.reason, **_names(claim))
            continue
        if outcome.status == "stale":
            stale += 1
            held = outcome.revision
            log.warning("rollup_stale_in_ledger", odoo_revision=held, **_names(claim))
            if held is not None and held > claim.revision:
                # At once, and later only if that does not help.
                retry_at = now + _wait(claim.attempts) if claim.attempts else now
                overtaken.append(Overtaken(claim, held, retry_at))
        done.append(claim)
    with conn.transaction():
        mark_pushed(conn, done, now)
        raised = raise_revisions(conn, overtaken)
        mark_refused(conn, refusals)
        mark_synced(conn, SYNC_KIND, now)
    if raised:
        log.warning("rollup_revisions_raised", rollups=raised)
    return PushReport(len(done) - raised, len(refusals), stale)


def _wait(attempts: int) -> timedelta:
    """10 s, 20 s, 40 s … 15 min, give or take a quarter."""
    doublings = min(attempts, 10)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT) * random.uniform(0.75, 1.25)


def _names(claim: Claim) -> dict[str, Any]:
    return {
        "service": claim.service,
        "subscription": claim.subscription,
        "metric": claim.metric,
        "period_start": odoo_time(claim.period_start),
        "revision": claim.revision,
    }
