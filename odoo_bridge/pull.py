"""Pulls the catalog and the invoices from Odoo, which owns them, into the ledger.

Every kind is pulled by pages: all rows, or those that have changed since the last pull
(``odoo_bridge/horizon.py`` says how that misses none). A pull may run at any time and
again: every write is an upsert of what Odoo says, a row that has not changed writes
nothing, and a pull that ends before its last page notes nothing, so that the next one
begins where it did. But one runs at a time: a page that one has read and is slow to
write would undo what another has written since, and a plan that goes and comes back is
two changes of plan, for good.

A full pull is due now and then all the same, and whenever the last pull says nothing
about the Odoo that answers. It also brings what no date tells, and what was deleted.

Each row is a transaction of its own, since one that has a subscription's usage counted
again may take minutes, with its service's folds shut out: no other service waits for
it. Hence the limits, which are longer than those of shared connections, and the task's
(schemas/broker.py), which is longer than theirs.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import psycopg
import structlog
from celery.exceptions import SoftTimeLimitExceeded

from ledger.catalog import mark_sync_failed, mark_synced
from ledger.db import Limits, long_work, transaction
from ledger.pulling import (
    Pull,
    count_deleted,
    find_absent,
    finish_pull,
    lock_pulls,
    read_pulls,
)
from odoo_bridge.client import OdooClient
from odoo_bridge.deletions import note_back, note_deleted
from odoo_bridge.errors import OdooError
from odoo_bridge.faults import one_line
from odoo_bridge.horizon import MARGIN, Horizon, Reason, read_horizon, why_full
from odoo_bridge.pull_pages import Page, read_pages
from odoo_bridge.pull_rows import Tally, take_row
from odoo_bridge.resending import bill_lost, send_lost
from schemas.messages import MAX_INT4
from schemas.odoo_rows import PULLED

LIMITS: Final = Limits(statement_seconds=600, lock_seconds=20)
"""A fold, for whose lock a row may have to wait, ends within 18 seconds."""
TURN: Final = Limits(statement_seconds=600, lock_seconds=600)
"""How long a pull that cannot be left out waits for the one that runs."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PullReport:
    """How many rows of all kinds were taken, and why each of the others was not.

    ``passed_over``: kind, service and name of those others, as far as they have them.
    """

    taken: int
    faults: tuple[str, ...]
    passed_over: frozenset[tuple[str, str, str]]


@dataclass(frozen=True)
class _Run:
    """What one pull goes by: Odoo, the ledger, the moment, and how often all rows."""

    client: OdooClient
    database_url: str
    horizon: Horizon
    now: datetime
    limits: Limits
    full_every: timedelta | None


def pull_catalog(
    client: OdooClient, database_url: str, now: datetime, limits: Limits = LIMITS
) -> PullReport:
    """Pull all rows of every kind, each row in a transaction of its own.

    Waits while another pull runs, which may have passed what is wanted. Notes per kind
    in ``odoo_sync`` how it went. Raises OdooError when Odoo fails, and psycopg.Error
    when the ledger does; what was pulled so far stays.
    """
    with long_work(database_url, TURN) as turn:
        lock_pulls(turn, wait=True)
        return _pull(client, database_url, now, limits, None)


def pull_changes(
    client: OdooClient,
    database_url: str,
    now: datetime,
    full_every_seconds: float,
    limits: Limits = LIMITS,
) -> PullReport:
    """Pull what has changed, or all rows where that is due; else as pull_catalog.

    While another pull runs it pulls nothing: the next one will.
    """
    every = timedelta(seconds=full_every_seconds)
    with long_work(database_url, TURN) as turn:
        if not lock_pulls(turn, wait=False):
            return PullReport(0, (), frozenset())
        return _pull(client, database_url, now, limits, every)


def _pull(
    client: OdooClient,
    database_url: str,
    now: datetime,
    limits: Limits,
    full_every: timedelta | None,
) -> PullReport:
    with transaction(database_url) as conn:
        pulls = read_pulls(conn)  # before the horizon: see why_full
    try:
        horizon = read_horizon(client)
    except OdooError as error:
        _note_failure(database_url, PULLED[0], error, now)
        raise
    run = _Run(client, database_url, horizon, now, limits, full_every)
    reasons = {k: why_full(pulls.get(k), horizon, now, full_every) for k in PULLED}
    for text in {r.text for r in reasons.values() if r is not None and r.anew}:
        log.warning("odoo_pulled_anew", reason=text)
    first = reasons[PULLED[0]]
    if first is not None and first.lost:
        # Before any row of it is taken, and before this pull is noted.
        send_lost(database_url, now)
    tallies = [_pull_kind(run, kind, pulls.get(kind), reasons[kind]) for kind in PULLED]
    return PullReport(
        sum(tally.taken for tally in tallies),
        tuple(fault for tally in tallies for fault in tally.faults),
        frozenset(name for tally in tallies for name in tally.passed_over),
    )


def _pull_kind(run: _Run, kind: str, last: Pull | None, full: Reason | None) -> Tally:
    tally = Tally(run.now)
    lost = last if full is not None and full.lost else None
    if lost is not None:
        tally.known_ids = frozenset(lost.passed_over)
    try:
        if last is None or full is not None:
            absent = _pull_all(run, kind, tally)
            if not tally.nameless:  # which may be any of them
                note_deleted(
                    run.client, run.database_url, kind, absent, tally.refused, run.now
                )
            if (
                kind == "invoice"
                and last is not None
                and full is not None
                and full.lost
            ):
                bill_lost(run.database_url, last, run.now)
        else:
            changed = read_pages(run.client, kind, last.watermark, last.passed_over)
            for page in changed:
                _take_page(run, kind, page, tally)
    except (OdooError, psycopg.Error, SoftTimeLimitExceeded) as error:
        _note_failure(run.database_url, kind, error, run.now)
        raise
    _note_success(run, kind, tally, last, full)
    return tally


def _pull_all(run: _Run, kind: str, tally: Tally) -> list[int]:
    """Take every row; Odoo's ids of what the ledger has and no page had."""
    absent: list[int] = []
    last_id = 0
    for page in read_pages(run.client, kind):
        absent += _take_page(run, kind, page, tally)
        last_id = page.last_id
    with transaction(run.database_url) as conn:
        absent += find_absent(conn, kind, last_id, MAX_INT4, [])
    return absent


def _take_page(run: _Run, kind: str, page: Page, tally: Tally) -> list[int]:
    with long_work(run.database_url, run.limits) as conn:
        taken = [take_row(conn, kind, row, tally) for row in page.rows]
        seen = [row for row in taken if row is not None]
        note_back(conn, kind, seen)
        return find_absent(conn, kind, page.after_id, page.last_id, seen)


def _note_success(
    run: _Run, kind: str, tally: Tally, last: Pull | None, full: Reason | None
) -> None:
    """Note how far the pull came. Again notes the same.

    A row that cannot be asked for by its id is looked for again where it was: what has
    changed since the last pull, or everything.
    """
    horizon = run.horizon
    watermark = horizon.at - MARGIN
    if tally.nameless and full is None and last is not None:
        watermark = last.watermark
    pull = Pull(
        kind,
        watermark,
        None if tally.nameless else run.now,
        tuple(tally.refused),
        horizon.source,
        horizon.transaction,
    )
    with transaction(run.database_url) as conn:
        finish_pull(
            conn,
            pull,
            asked=() if last is None else last.passed_over,
            full=full is not None,
            anew=full is not None and full.anew,
        )
        count_deleted(conn, kind)
        if tally.faults:
            summary = one_line(f"{len(tally.faults)} rows: {tally.faults[0]}")
            mark_sync_failed(conn, kind, summary, run.now)
        else:
            mark_synced(conn, kind, run.now)


def _note_failure(
    database_url: str, kind: str, error: BaseException, now: datetime
) -> None:
    # A ledger that is away cannot note it; the first error is the one to tell.
    with suppress(psycopg.Error), transaction(database_url) as conn:
        reason = str(error) or type(error).__name__
        mark_sync_failed(conn, kind, one_line(reason), now)
