"""Noting what became of claimed bills: see ledger.closing.

Everything here may run twice: only what is still due is marked, and Odoo answers a
second call for one bill with the same invoice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ledger.closing import BillClaim, bill_keys
from ledger.db import Connection
from ledger.dead_letters import DeadLetter, bury_all
from ledger.queries import load_queries
from schemas.messages import plain_number
from schemas.timestamps import utc_text

KIND: Final = "bill"
REFUSED: Final = "bill_refused"
DEAD_AFTER: Final = 8
"""Refusals, of about 20 minutes in all; from then on it is tried once an hour."""
DEAD_WAIT: Final = timedelta(hours=1)

_SQL = load_queries("closing")


@dataclass(frozen=True)
class Closed:
    """A bill that Odoo is done with; without an invoice when there was none to make."""

    claim: BillClaim
    status: str
    invoice_id: int | None


@dataclass(frozen=True)
class Held:
    """A bill that Odoo did not make: why, and when to try again."""

    claim: BillClaim
    reason: str
    retry_at: datetime


def mark_closed(conn: Connection, closed: Sequence[Closed], now: datetime) -> None:
    """Note Odoo's invoices; a dead letter of one that got its bill after all goes."""
    claims = [each.claim for each in closed]
    counts = [len(claim.subscriptions) for claim in claims]
    values = {
        **bill_keys(claims),
        "statuses": _each(counts, [each.status for each in closed]),
        "invoice_ids": _each(counts, [each.invoice_id for each in closed]),
        "now": now,
    }
    conn.execute(_SQL["mark_closed"], values)
    ids = [name for claim in claims if claim.attempts for name in _source_ids(claim)]
    if ids:
        values = {"kind": KIND, "source_ids": ids}
        conn.execute(_SQL["settle_dead_letters"], values)


def mark_refused(conn: Connection, refused: Sequence[Held], now: datetime) -> int:
    """Note why bills were refused; answers how many are dead letters by now.

    Those are tried again all the same, once an hour, and when a row of theirs is
    pushed again: what Odoo lacks is mended in Odoo.
    """
    dead = [each for each in refused if each.claim.attempts + 1 >= DEAD_AFTER]
    kept = [each for each in refused if each.claim.attempts + 1 < DEAD_AFTER]
    late = [Held(each.claim, each.reason, now + DEAD_WAIT) for each in dead]
    conn.execute(_SQL["mark_refused"], _values([*kept, *late]))
    letters = [letter for each in dead for letter in _letters(each)]
    bury_all(conn, letters, now)
    return len(dead)


def hold_bills(conn: Connection, held: Sequence[Held]) -> None:
    """Let bills wait until ``retry_at``, for something that is no fault of theirs."""
    conn.execute(_SQL["hold_bills"], _values(held))


def release_bills(
    conn: Connection, claims: Sequence[BillClaim], lease_until: datetime, now: datetime
) -> None:
    """End the leases of a call that failed as a whole; no bill is to blame for it."""
    values = {**bill_keys(claims), "lease_until": lease_until, "now": now}
    conn.execute(_SQL["release_bills"], values)


def bill_again(conn: Connection, service: str, invoice_id: int, now: datetime) -> int:
    """Have what was billed on an invoice of Odoo's billed again; answers how many.

    For a person who has found it deleted, cancelled or cut. Twice, the second finds
    none. Nothing is billed twice: Odoo passes over rows that a line bills.
    """
    values = {"service": service, "invoice_id": invoice_id, "now": now}
    return conn.execute(_SQL["bill_again"], values).rowcount


def _values(held: Sequence[Held]) -> dict[str, list[Any]]:
    counts = [len(each.claim.subscriptions) for each in held]
    return {
        **bill_keys([each.claim for each in held]),
        "reasons": _each(counts, [each.reason for each in held]),
        "due_at": _each(counts, [each.retry_at for each in held]),
    }


def _each(counts: Sequence[int], values: Sequence[Any]) -> list[Any]:
    pairs = zip(counts, values, strict=True)
    return [value for count, value in pairs for _ in range(count)]


def _letters(refused: Held) -> list[DeadLetter]:
    claim = refused.claim
    payload = {
        "service": claim.service,
        "customer": claim.customer,
        "period_start": utc_text(claim.period.start),
        "period_end": utc_text(claim.period.end),
        "subscriptions": [name for _, name in claim.subscriptions],
        "rollups": claim.rollups,
        "amount": plain_number(claim.amount),
    }
    attempts = claim.attempts + 1
    return [
        DeadLetter(
            KIND, claim.service_id, name, payload, REFUSED, refused.reason, attempts
        )
        for name in _source_ids(claim)
    ]


def _source_ids(claim: BillClaim) -> list[str]:
    """A frozen period's name: its subscription's key and its start."""
    start = utc_text(claim.period.start)
    return [f"{key} {start}" for key, _ in claim.subscriptions]
