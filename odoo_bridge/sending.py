"""Sends claimed rollups in as few calls as it can, and says what became of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.money import EXACT
from ledger.push_claims import Claim
from ledger.unrated import RATING_ERRORS
from ledger.working_text import working_text
from odoo_bridge.client import OdooClient
from odoo_bridge.faults import one_line
from odoo_bridge.row_calls import RowCall, send_rows
from schemas.messages import plain_number
from schemas.odoo_rows import Row, odoo_time

MODEL: Final = "fusion.billing.usage"
METHOD: Final = "upsert_rollups"
TAKEN: Final = ("created", "updated", "unchanged", "stale")


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
    outcomes = list(encoded.outcomes)
    found = send_rows(client, CALL, list(encoded.rows.values()))
    for index, outcome in zip(encoded.rows, found, strict=True):
        outcomes[index] = outcome
    return outcomes


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


def _read_outcome(row: Mapping[str, Any]) -> Outcome:
    status, reason, revision = row["status"], row["reason"], row.get("revision")
    if status not in TAKEN:
        unknown = "" if status == "error" else f"status {status}: "
        return Outcome("error", one_line(f"{unknown}{reason or 'no reason'}"))
    counted = isinstance(revision, int) and not isinstance(revision, bool)
    return Outcome(status, revision=revision if counted else None)


def _fail(reason: str) -> Outcome:
    return Outcome("error", reason)


CALL: Final = RowCall(MODEL, METHOD, _read_outcome, _fail)
