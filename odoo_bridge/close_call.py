"""One call of close_period: customers' bills, and what Odoo made of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.closing import BillClaim
from odoo_bridge.client import OdooClient
from odoo_bridge.errors import (
    OdooAccessError,
    OdooConflictError,
    OdooInvalidError,
    OdooMisconfiguredError,
    OdooTimeoutError,
    OdooTooLargeError,
    OdooUnavailableError,
    OdooUnreachableError,
)
from odoo_bridge.faults import one_line
from odoo_bridge.sending import is_not_now
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
    """An outcome per claim. A call that bills are to blame for is halved.

    One that takes too long is not: what Odoo may still be at would be asked for twice
    over. Only a bill that was alone is to blame for that. Raises OdooError when none
    is: when Odoo does not take a call without rows either. Safe to repeat: Odoo
    answers a second call for a bill with the invoice that it has made.
    """
    try:
        answer = client.repeat(MODEL, METHOD, rows=[close_row(c) for c in claims])
    except OdooUnreachableError:
        raise
    except OdooTimeoutError as error:
        if len(claims) > 1:
            raise
        client.repeat(MODEL, METHOD, rows=[])
        return [Outcome("error", reason=one_line(f"{error.fault}{TOO_LONG}"))]
    except (
        OdooInvalidError,
        OdooTooLargeError,
        OdooAccessError,
        OdooConflictError,
        OdooUnavailableError,
    ) as error:
        if is_not_now(error):
            raise  # too busy for any bill
        client.repeat(MODEL, METHOD, rows=[])
        if len(claims) == 1:
            return [Outcome("error", reason=one_line(str(error)))]
        middle = len(claims) // 2
        return [
            *send_bills(client, claims[:middle]),
            *send_bills(client, claims[middle:]),
        ]
    return _read_answer(answer, len(claims))


def _read_answer(answer: Any, rows: int) -> list[Outcome]:
    outcomes = [Outcome("error", reason="Odoo gave no result for the row")] * rows
    try:
        for row in answer:
            status, found = row["status"], row["id"]
            reason = one_line(str(row["reason"] or f"status {status} without a reason"))
            if 0 <= (place := int(row["index"])) < rows:
                counted = isinstance(found, int) and found > 0
                outcomes[place] = Outcome(status, found if counted else None, reason)
    except (KeyError, TypeError, ValueError) as error:
        raise OdooMisconfiguredError(
            f"{METHOD} answered something else than a result per row; another version "
            "of the addon is installed in Odoo"
        ) from error
    return outcomes
