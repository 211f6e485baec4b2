"""One call of close_period: customers' bills, and what Odoo made of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.closing import BillClaim
from odoo_bridge.client import OdooClient
from odoo_bridge.errors import OdooTimeoutError
from odoo_bridge.faults import one_line
from odoo_bridge.row_calls import RowCall, send_rows
from schemas.messages import plain_number
from schemas.odoo_rows import odoo_time

MODEL: Final = "fusion.billing.usage"
METHOD: Final = "close_period"
TOO_LONG: Final = (
    ": one invoice, of too many lines for that; raise ODOO_TIMEOUT_SECONDS, and "
    "Odoo's own limits with it"
)


@dataclass(frozen=True)
class Outcome:
    """What became of a bill, and the id of its invoice; an error says why."""

    status: str
    invoice_id: int | None = None
    reason: str = ""


def close_row(claim: BillClaim) -> dict[str, Any]:
    """A bill as close_period takes it.

    It names the subscriptions, of which Odoo bills no others, the plan of each in the
    period, which may have another by now, and what their rows come to: where Odoo has
    other rows, it makes no invoice.
    """
    return {
        "service": claim.service,
        "customer": claim.customer,
        "period_start": odoo_time(claim.period.start),
        "period_end": odoo_time(claim.period.end),
        "subscriptions": [name for _, name in claim.subscriptions],
        "plans": list(claim.plans),
        "rollups": claim.rollups,
        "amount": plain_number(claim.amount),
    }


def send_bills(client: OdooClient, claims: Sequence[BillClaim]) -> list[Outcome]:
    """An outcome per claim. Raises OdooError when no bill is to blame.

    A call that takes too long is not halved: what Odoo may still be at would be asked
    for twice over. Only a bill that was alone is to blame for that. Safe to repeat:
    Odoo answers a second call for a bill with the invoice that it has made.
    """
    try:
        return send_rows(client, CALL, [close_row(claim) for claim in claims])
    except OdooTimeoutError as error:
        if len(claims) > 1:
            raise
        client.repeat(MODEL, METHOD, rows=[])
        return [_fail(one_line(f"{error.fault}{TOO_LONG}"))]


def _read_outcome(row: Mapping[str, Any]) -> Outcome:
    status, found = row["status"], row["id"]
    reason = one_line(str(row["reason"] or f"status {status} without a reason"))
    counted = isinstance(found, int) and found > 0
    return Outcome(status, found if counted else None, reason)


def _fail(reason: str) -> Outcome:
    return Outcome("error", reason=reason)


CALL: Final = RowCall(MODEL, METHOD, _read_outcome, _fail)
