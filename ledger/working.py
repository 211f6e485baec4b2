"""How a line of a bill is stored beside its amount: the charge, and the whole working.

Plain JSON values; every number is a decimal string, so that it reads back exactly. A
correction has the working twice, ``before`` and ``after``.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from ledger.charge import ZERO, Charge
from ledger.charge_json import Json, charge_from_json, charge_json
from ledger.charge_models import Step
from ledger.rating import NOTHING, Correction, Rating, Slot
from schemas.messages import plain_number

BILLED: Final = "billed"
ELSEWHERE: Final = "elsewhere"
"""Not billed here: it ended before the ledger knew the subscription, without usage."""
AFTER_END: Final = "after_end"
"""Not billed: the subscription had ended, and the period is for corrections alone."""


@dataclass(frozen=True)
class Prior:
    """By what a correction is rated: the charge, and what was billed at last."""

    charge: Charge | None
    currency: str
    before: Rating


def rating_json(rating: Rating) -> Json:
    """Units, quota, overage, amount, and the working step by step, fee by fee."""
    stored = {
        **_sums(rating),
        "true_up": plain_number(rating.true_up),
        "steps": [
            {
                "units": plain_number(step.units),
                "unit_price": plain_number(step.unit_price),
                "flat_price": plain_number(step.flat_price),
                "amount": plain_number(step.amount),
            }
            for step in rating.steps
        ],
    }
    if rating.slots:
        stored["slots"] = [_slot_json(slot) for slot in rating.slots]
    return stored


def rating_from_json(stored: Json) -> Rating:
    """A rating back from rating_json."""
    return Rating(
        units=Decimal(stored["units"]),
        included=Decimal(stored["included"]),
        overage=Decimal(stored["overage"]),
        amount=Decimal(stored["amount"]),
        steps=tuple(
            Step(
                Decimal(step["units"]),
                Decimal(step["unit_price"]),
                Decimal(step["flat_price"]),
                Decimal(step["amount"]),
            )
            for step in stored["steps"]
        ),
        true_up=Decimal(stored["true_up"]),
        slots=tuple(_slot_from_json(slot) for slot in stored.get("slots", ())),
    )


def _slot_json(slot: Slot) -> Json:
    return {
        "filter_id": slot.filter_id,
        "filter_name": slot.filter_name,
        "group": dict(slot.group),
        "quantity": plain_number(slot.quantity),
        "events": slot.events,
        "rating": rating_json(slot.rating),
    }


def _slot_from_json(stored: Json) -> Slot:
    return Slot(
        filter_id=stored["filter_id"],
        filter_name=stored["filter_name"],
        group=stored["group"],
        quantity=Decimal(stored["quantity"]),
        events=stored["events"],
        rating=rating_from_json(stored["rating"]),
    )


def line_json(
    charge: Charge | None,
    currency: str,
    line: Rating | Correction,
    due: str = BILLED,
) -> Json:
    """All that a frozen rollup keeps of its rating."""
    stored = {"charge": charge_json(charge), "currency": currency, "due": due}
    if isinstance(line, Rating):
        return {**stored, **rating_json(line)}
    return {
        **stored,
        **_sums(line),
        "before": rating_json(line.before),
        "after": rating_json(line.after),
    }


def line_from_json(stored: Json) -> Rating | Correction:
    """The line back from line_json."""
    if "before" not in stored:
        return rating_from_json(stored)
    return Correction(
        rating_from_json(stored["before"]), rating_from_json(stored["after"])
    )


def billed_line(stored: Json) -> Rating | Correction:
    """The line with the amount that was billed: none, for what is billed elsewhere."""
    line = line_from_json(stored)
    if isinstance(line, Rating) and stored["due"] != BILLED:
        return replace(line, amount=ZERO)
    return line


def prior_from_json(stored: Json | None, currency: str) -> Prior:
    """From the rating of the rollup before the correction; None: there is none."""
    if stored is None:
        return Prior(None, currency, NOTHING)
    before = rating_from_json(stored.get("after", stored))
    return Prior(charge_from_json(stored["charge"]), stored["currency"], before)


def _sums(line: Rating | Correction) -> Json:
    return {
        "units": plain_number(line.units),
        "included": plain_number(line.included),
        "overage": plain_number(line.overage),
        "amount": plain_number(line.amount),
    }
