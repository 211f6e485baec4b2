"""Has Odoo put frozen periods on draft invoices, many customers in one call.

Claim with a lease and commit, call, mark. A crash in between costs the lease's time:
the claim is taken again, and close_period answers with the invoice that it has made.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
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
from odoo_bridge.errors import OdooError
from odoo_bridge.faults import one_line
from odoo_bridge.row_calls import RowCall, send_rows
from schemas.messages import plain_number
from schemas.odoo_rows import odoo_time

MODEL: Final = "fusion.billing.usage"
METHOD: Final = "close_period"
SYNC_KIND: Final = "close"
MAX_ROWS: Final = 50
"""Invoices in one call: Odoo takes about a tenth of a second for each."""
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
class Outcome:
    """What became of a bill, and the id of its invoice; an error says why."""

    status: str
    invoice_id: int | None = None
    reason: str = ""


def close_periods(
    client: OdooClient, database_url: str, clock: Callable[[], datetime]
) -> CloseReport:
    """Close what is due, call after call, for at most a minute.

    Safe to repeat, and to run several times at once. After a failure as a whole it
    first closes none. Raises OdooError, and psycopg.OperationalError: all stays due.
    """
    report = CloseReport()
    began = time.monotonic()
    with connect(database_url) as conn:
        conn.autocommit = True
        while time.monotonic() - began < RUN_SECONDS:
            now = clock()
            lease_until = now + LEASE
            with conn.transaction():
                found = claim_bills(conn, MAX_ROWS, now, lease_until)
            if not found.looked_at:
                break
            _tell_waiting(found)
            if found.claims:
                done = _close(client, conn, found.claims, lease_until, clock)
                report = CloseReport(
                    report.closed + done.closed,
                    report.refused + done.refused,
                    report.held + done.held,
                )
    return report


def close_row(claim: BillClaim) -> dict[str, Any]:
    """A bill as close_period takes it.

    It names the subscriptions, of which Odoo bills no others, and what their rows come
    to: where Odoo has other rows, it makes no invoice.
    """
    return {
        "service": claim.service,
        "customer": claim.customer,
        "period_start": odoo_time(claim.period.start),
        "period_end": odoo_time(claim.period.end),
        "subscriptions": [name for _, name in claim.subscriptions],
        "rollups": claim.rollups,
        "amount": plain_number(claim.amount),
    }


def _close(
    client: OdooClient,
    conn: Connection,
    claims: Sequence[BillClaim],
    lease_until: datetime,
    clock: Callable[[], datetime],
) -> CloseReport:
    try:
        if push_failed_before(conn, SYNC_KIND):
            client.repeat(MODEL, METHOD, rows=[])
        outcomes = send_rows(client, CALL, [close_row(claim) for claim in claims])
    except OdooError as error:
        now = clock()
        release_bills(conn, claims, lease_until, now)
        mark_sync_failed(conn, SYNC_KIND, one_line(str(error)), now)
        raise
    return _mark(conn, claims, outcomes, clock())


def _read_outcome(row: Mapping[str, Any]) -> Outcome:
    status, found = row["status"], row["id"]
    reason = one_line(str(row["reason"] or f"status {status} without a reason"))
    counted = isinstance(found, int) and found > 0
    return Outcome(status, found if counted else None, reason)


def _fail(reason: str) -> Outcome:
    return Outcome("error", reason=reason)


CALL: Final = RowCall(MODEL, METHOD, _read_outcome, _fail)


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
