"""Pushes rollups to Odoo, hundreds in one call, until none is left.

Claim with a lease and commit, call, mark. Whatever happens in between, nothing is lost
and nothing is wrong: a row stays dirty until its sent revision is marked; the values
are absolute, so that sending them again changes nothing; and Odoo ignores a revision
older than its own, so that a call which comes late cannot put an old value back. A
ledger that was restored from a backup is behind Odoo: its revision is raised above the
one that Odoo holds, and the row goes out again.

While Odoo works on one batch, the next is claimed, rated and encoded, and the one
before is marked. There is one call at a time all the same, and one connection, whose
session holds the locks of both batches. A batch that was prepared and is not sent after
all is released.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ledger.catalog import mark_sync_failed, mark_synced
from ledger.db import Connection, connect
from ledger.push_claims import Claim
from ledger.pushing import (
    claim_rollups,
    lock_lane,
    lock_subscriptions,
    push_failed_before,
    release_rollups,
    unlock_subscriptions,
)
from odoo_bridge.client import OdooClient
from odoo_bridge.errors import OdooError
from odoo_bridge.faults import one_line
from odoo_bridge.pace import Pace
from odoo_bridge.push_marks import SYNC_KIND, mark_outcomes
from odoo_bridge.push_marks import PushReport as PushReport
from odoo_bridge.sending import (
    METHOD,
    MODEL,
    Encoded,
    Outcome,
    encode_rollups,
    send_rollups,
)

ROWS: Final = 500
LANES: Final = 2
"""How many calls Odoo gets at a time, of all workers on all hosts."""

# Short, since a crash of the worker should cost no more delay than this. A call that
# takes longer is still alone: the advisory lock lasts as long as the worker's session.
LEASE: Final = timedelta(seconds=30)
RUN_SECONDS: Final = 120.0


_Call = Future[tuple[list[Outcome], float]]
"""What became of the rows, and how many seconds it took."""


@dataclass(frozen=True)
class _Batch:
    """Claims that are leased, locked, and ready to be sent."""

    subscription_ids: list[int]
    lease_until: datetime
    claims: list[Claim]
    encoded: Encoded


@dataclass(frozen=True)
class _Push:
    """What every step of one run needs."""

    client: OdooClient
    conn: Connection
    clock: Callable[[], datetime]
    pace: Pace
    sender: ThreadPoolExecutor


def push_rollups(
    client: OdooClient,
    database_url: str,
    clock: Callable[[], datetime],
    pace: Pace | None = None,
) -> PushReport:
    """Push what is dirty, batch after batch, for at most two minutes.

    Safe to repeat, and to run several times at once. After a push that failed as a
    whole it first sends none, so that an Odoo that is away costs a small call a time
    and no write. Pushes nothing while ``pace`` holds, or LANES others push. Raises
    OdooError, and psycopg.OperationalError: the rows stay dirty.
    """
    pace = pace or Pace(ROWS)
    total = PushReport()
    if pace.holds(clock()):
        return total
    ends = time.monotonic() + RUN_SECONDS
    # A connection of its own: advisory locks belong to the session.
    with connect(database_url) as conn, ThreadPoolExecutor(1) as sender:
        conn.autocommit = True
        if lock_lane(conn, LANES):
            for report in _reports(_Push(client, conn, clock, pace, sender), ends):
                total = total + report
    return total


def _reports(push: _Push, ends: float) -> Iterator[PushReport]:
    """A report per batch that was marked. Never more than one call is under way."""
    batch = _prepare(push, first=True)
    call = _launch(push, batch)
    while batch is not None and call is not None:
        following = _prepare(push) if time.monotonic() < ends else None
        outcomes = _answer(push, call, batch, following)
        call = None
        if following is not None and push.pace.holds(push.clock()):
            _release(push, following)
            following = None
        else:
            call = _launch(push, following)
        now = push.clock()
        yield mark_outcomes(push.conn, batch.claims, batch.encoded, outcomes, now)
        unlock_subscriptions(push.conn, batch.subscription_ids)
        if following is None and not push.pace.holds(now) and time.monotonic() < ends:
            # What has changed during the call.
            following = _prepare(push)
            call = _launch(push, following)
        batch = following


def _prepare(push: _Push, *, first: bool = False) -> _Batch | None:
    """Lock, lease, rate and encode what has waited longest; None when nothing has."""
    conn, now, rows = push.conn, push.clock(), push.pace.rows
    subscription_ids = lock_subscriptions(conn, rows, now)
    if not subscription_ids:
        return None
    if first:
        _probe(push, now)
    lease_until = now + LEASE
    claims = claim_rollups(conn, subscription_ids, rows, now, lease_until)
    if not claims:
        unlock_subscriptions(conn, subscription_ids)
        return None
    return _Batch(subscription_ids, lease_until, claims, encode_rollups(claims))


def _launch(push: _Push, batch: _Batch | None) -> _Call | None:
    """Have the batch sent, while this thread goes on."""
    if batch is None:
        return None
    return push.sender.submit(_timed_send, push.client, batch.encoded)


def _timed_send(client: OdooClient, encoded: Encoded) -> tuple[list[Outcome], float]:
    began = time.monotonic()
    return send_rollups(client, encoded), time.monotonic() - began


def _answer(
    push: _Push, call: _Call, batch: _Batch, following: _Batch | None
) -> list[Outcome]:
    """Wait for the call. When it fails as a whole, no row is to blame: release all."""
    try:
        outcomes, seconds = call.result()
    except OdooError as error:
        for released in (batch, following):
            if released is not None:
                _release(push, released)
        _note_failure(push, error)
        raise
    push.pace.note_answer(seconds, push.clock())
    return outcomes


def _release(push: _Push, batch: _Batch) -> None:
    release_rollups(push.conn, batch.claims, batch.lease_until, push.clock())
    unlock_subscriptions(push.conn, batch.subscription_ids)


def _probe(push: _Push, now: datetime) -> None:
    """After a failure, push nothing first: the same call, rights and addon, no rows."""
    if not push_failed_before(push.conn, SYNC_KIND):
        return
    try:
        push.client.call(MODEL, METHOD, rows=[])
    except OdooError as error:
        _note_failure(push, error)
        raise
    mark_synced(push.conn, SYNC_KIND, now)


def _note_failure(push: _Push, error: OdooError) -> None:
    now = push.clock()
    push.pace.note_failure(error, now)
    mark_sync_failed(push.conn, SYNC_KIND, one_line(str(error)), now)
