"""Has Odoo put frozen periods on draft invoices, many customers in one call.

Claim with a lease and commit, call, mark. A crash in between costs the lease's time:
the claim is taken again, and close_period answers with the invoice that it has made.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from ledger.catalog import mark_sync_failed, mark_synced
from ledger.closed import (
    Closed,
    Held,
    hold_bills,
    mark_closed,
    mark_refused,
    release_bills,
)
from ledger.closing import BillClaim, BillRound, claim_bills
from ledger.db import Connection, connect
from ledger.pushing import push_failed_before
from odoo_bridge.client import OdooClient
from odoo_bridge.close_call import (
    METHOD,
    MODEL,
    Outcome,
    send_bills,
)
from odoo_bridge.errors import OdooError
from odoo_bridge.faults import one_line
from odoo_bridge.pace import Pace
from schemas.odoo_rows import odoo_time

SYNC_KIND: Final = "close"
MAX_ROWS: Final = 50
"""Invoices in one call, while Odoo is well. 50 of 20 lines each took it 25 s, one of
1,000 lines 6 s."""
SLOW_SECONDS: Final = 10.0
INVOICED: Final = ("created", "updated", "unchanged")

LEASE: Final = timedelta(seconds=30)
FIRST_WAIT: Final = timedelta(seconds=10)
LONGEST_WAIT: Final = timedelta(minutes=15)
RUN_SECONDS: Final = 60.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class CloseReport:
    """How many customers' bills Odoo closed and refused; held: those it let wait."""

    closed: int = 0
    refused: int = 0
    held: int = 0


@dataclass(frozen=True)
class _Bills:
    """Claims that are leased until then."""

    claims: Sequence[BillClaim]
    lease_until: datetime


def close_pace() -> Pace:
    """At full speed, and down to one customer's bill in a call."""
    return Pace(MAX_ROWS, least_rows=1, slow_seconds=SLOW_SECONDS)


def close_periods(
    client: OdooClient,
    database_url: str,
    clock: Callable[[], datetime],
    pace: Pace | None = None,
) -> CloseReport:
    """Close what is due, call after call, for at most a minute.

    Safe to repeat, and to run several times at once. After a failure as a whole it
    first closes none. Closes nothing while ``pace`` holds, and fewer at a time after a
    slow call: one that takes longer than Odoo is given would never come to its end.
    Raises OdooError, and psycopg.OperationalError: all stays due.
    """
    report = CloseReport()
    began = time.monotonic()
    pace = pace or close_pace()
    with connect(database_url) as conn:
        conn.autocommit = True
        while time.monotonic() - began < RUN_SECONDS:
            now = clock()
            if pace.holds(now):
                break
            lease_until = now + LEASE
            with conn.transaction():
                found = claim_bills(conn, pace.rows, now, lease_until)
            if not found.looked_at:
                break
            _tell_waiting(found)
            if found.claims:
                bills = _Bills(found.claims, lease_until)
                done = _close(client, conn, bills, pace, clock)
                report = CloseReport(
                    report.closed + done.closed,
                    report.refused + done.refused,
                    report.held + done.held,
                )
    return report


def _close(
    client: OdooClient,
    conn: Connection,
    bills: _Bills,
    pace: Pace,
    clock: Callable[[], datetime],
) -> CloseReport:
    began = time.monotonic()
    try:
        if push_failed_before(conn, SYNC_KIND):
            client.repeat(MODEL, METHOD, rows=[])
        outcomes = send_bills(client, bills.claims)
    except OdooError as error:
        now = clock()
        pace.note_failure(error, now)
        release_bills(conn, bills.claims, bills.lease_until, now)
        mark_sync_failed(conn, SYNC_KIND, one_line(str(error)), now)
        raise
    pace.note_answer(time.monotonic() - began, clock())
    return _mark(conn, bills.claims, outcomes, clock())


def _mark(
    conn: Connection,
    claims: Sequence[BillClaim],
    outcomes: Sequence[Outcome],
    now: datetime,
) -> CloseReport:
    closed, refused, held = [], [], []
    for claim, outcome in zip(claims, outcomes, strict=True):
        if outcome.status == "empty":
            closed.append(Closed(claim, outcome.status, None))
        elif outcome.status in INVOICED and outcome.invoice_id is not None:
            closed.append(Closed(claim, outcome.status, outcome.invoice_id))
        elif outcome.status == "shadow":
            # It froze live: someone is to bill it, so it waits rather than being lost.
            why = "Odoo has the service in shadow, and makes no invoice"
            held.append(Held(claim, why, now + LONGEST_WAIT))
            log.warning("bill_in_shadow", **_names(claim))
        else:
            retry_at = now + _wait(claim.attempts)
            refused.append(Held(claim, outcome.reason, retry_at))
            log.warning("bill_refused", reason=outcome.reason, **_names(claim))
    with conn.transaction():
        mark_closed(conn, closed, now)
        hold_bills(conn, held)
        dead = mark_refused(conn, refused, now)
        mark_synced(conn, SYNC_KIND, now)
    if dead:
        log.error("bills_dead", bills=dead)
    return CloseReport(len(closed), len(refused), len(held))


def _wait(attempts: int) -> timedelta:
    """10 s, 20 s, 40 s … 15 min, give or take a quarter."""
    doublings = min(attempts, 10)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT) * random.uniform(0.75, 1.25)


def _tell_waiting(found: BillRound) -> None:
    for bill in found.waiting:
        log.warning(
            "bill_waits",
            service=bill.service,
            customer=bill.customer,
            period_start=odoo_time(bill.period.start),
            since=odoo_time(bill.since),
            reason=bill.reason,
        )


def _names(claim: BillClaim) -> dict[str, Any]:
    return {
        "service": claim.service,
        "customer": claim.customer,
        "period_start": odoo_time(claim.period.start),
        "subscriptions": len(claim.subscriptions),
    }
