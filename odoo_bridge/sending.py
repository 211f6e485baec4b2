"""Sends claimed rollups in as few calls as it can, and says what became of each.

A call that fails is halved when rows may be to blame: when Odoo still takes the same
call without rows. So one row that Odoo chokes on holds up no other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.billing import RATING_ERRORS
from ledger.money import EXACT
from ledger.pushing import Claim
from ledger.working_text import working_text
from odoo_bridge.client import OdooClient
from odoo_bridge.errors import (
    OdooAccessError,
    OdooConflictError,
    OdooError,
    OdooInvalidError,
    OdooMisconfiguredError,
    OdooTimeoutError,
    OdooTooLargeError,
    OdooUnavailableError,
    OdooUnreachableError,
)
from odoo_bridge.faults import one_line
from schemas.messages import plain_number
from schemas.odoo_rows import odoo_time

MODEL: Final = "fusion.billing.usage"
METHOD: Final = "upsert_rollups"
MAX_CALLS: Final = 32
"""Of one batch, when Odoo refuses it whole and the rows to blame are searched for."""
TAKEN: Final = ("created", "updated", "unchanged", "stale")

Row = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What became of a row: one of TAKEN, or "error" and one line that says why.

    ``revision``: of a stale row, the newer one that Odoo holds; None: it did not say.
    """

    status: str
    reason: str = ""
    revision: int | None = None


@dataclass(frozen=True)
class Encoded:
    """Claims ready to be sent: a row each, by place, or why there can be none."""

    rows: Mapping[int, Row]
    outcomes: Sequence[Outcome]


def encode_rollups(claims: Sequence[Claim]) -> Encoded:
    """Rate and encode claims; one that cannot be rated sinks no other."""
    outcomes = [Outcome("error", "Odoo gave no result for the row")] * len(claims)
    rows: dict[int, Row] = {}
    for index, claim in enumerate(claims):
        try:
            rows[index] = rollup_row(claim)
        except ValueError as error:
            outcomes[index] = Outcome("error", one_line(str(error)))
    return Encoded(rows, outcomes)


def send_rollups(client: OdooClient, encoded: Encoded) -> list[Outcome]:
    """Send all; answers an outcome per claim. Raises OdooError when no row is to blame.

    Safe to repeat: the values are absolute, and Odoo keeps the newest revision.
    """
    rows, outcomes = encoded.rows, list(encoded.outcomes)
    parts, calls = [list(rows)] if rows else [], 0
    while parts:
        part = parts.pop()
        calls += 1
        try:
            answer = client.repeat(MODEL, METHOD, rows=[rows[i] for i in part])
        except (OdooTimeoutError, OdooUnreachableError):
            raise
        except (
            OdooInvalidError,
            OdooTooLargeError,
            OdooAccessError,
            OdooConflictError,
            OdooUnavailableError,
        ) as error:
            if _is_not_now(error):
                raise  # too busy for any row; a search would make it busier
            client.repeat(MODEL, METHOD, rows=[])
            if len(part) > 1 and calls < MAX_CALLS:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
            else:
                for index in part:
                    outcomes[index] = Outcome("error", one_line(error.fault))
        else:
            for place, outcome in _read_answer(answer, len(part)):
                outcomes[part[place]] = outcome
    return outcomes


def _is_not_now(error: OdooError) -> bool:
    return (
        isinstance(error, OdooUnavailableError)
        and error.retry_after_seconds is not None
    )


def rollup_row(claim: Claim) -> Row:
    """A rollup as upsert_rollups takes it; what is frozen, as it was rated then.

    That has its working as text as well, for the invoice's line. A correction has
    the differences, and in correction_of the period that it corrects.
    Raises ValueError when its charge cannot be rated.
    """
    try:
        rating = claim.rate()
    except RATING_ERRORS as error:
        raise ValueError(f"the charge cannot be rated: {error!r}") from error
    quantity = claim.quantity
    if claim.is_correction:
        quantity = EXACT.subtract(quantity, claim.base)
    return {
        "service": claim.service,
        "subscription": claim.subscription,
        "metric": claim.metric,
        "period_start": odoo_time(claim.period_start),
        "period_end": odoo_time(claim.period_end),
        "correction_of": (
            odoo_time(claim.usage_start) if claim.is_correction else False
        ),
        "quantity": plain_number(quantity),
        "included": plain_number(rating.included),
        "overage": plain_number(rating.overage),
        "amount": plain_number(rating.amount),
        "currency": claim.currency,
        "working": (
            False
            if claim.frozen is None
            else working_text(claim.charge, claim.frozen, claim.currency)
        ),
        "revision": claim.revision,
        "state": "open" if claim.frozen is None else "frozen",
    }


def _read_answer(answer: Any, rows: int) -> list[tuple[int, Outcome]]:
    """Each row's place and outcome. Raises OdooMisconfiguredError on another shape."""
    try:
        return [
            (place, _read_outcome(row))
            for row in answer
            if 0 <= (place := int(row["index"])) < rows
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise OdooMisconfiguredError(
            f"{METHOD} answered something else than a result per row; another version "
            "of the addon is installed in Odoo"
        ) from error


def _read_outcome(row: Any) -> Outcome:
    status, reason, revision = row["status"], row["reason"], row.get("revision")
    if status not in TAKEN:
        unknown = "" if status == "error" else f"status {status}: "
        return Outcome("error", one_line(f"{unknown}{reason or 'no reason'}"))
    counted = isinstance(revision, int) and not isinstance(revision, bool)
    return Outcome(status, revision=revision if counted else None)
