"""How a line of a bill is stored beside its amount: the charge, and the whole working.

Plain JSON values; every number is a decimal string, so that it reads back exactly. A
correction has the working twice, ``before`` and ``after``.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from ledger.rating import NOTHING, ZERO, Charge, Correction, Rating, Step, Tier
from schemas.messages import plain_number

Json = dict[str, Any]

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


def charge_json(charge: Charge | None) -> Json | None:
    """A charge as it was when the period froze; None: there was none."""
    if charge is None:
        return None
    size = charge.package_size
    return {
        "model": charge.model,
        "included": plain_number(charge.included),
        "price": plain_number(charge.price),
        "package_size": None if size is None else plain_number(size),
        "tiers": [
            {
                "up_to": None if tier.up_to is None else plain_number(tier.up_to),
                "unit_price": plain_number(tier.unit_price),
                "flat_price": plain_number(tier.flat_price),
            }
            for tier in charge.tiers
        ],
        "minimum": plain_number(charge.minimum),
        "rounding": charge.rounding,
        "rounding_precision": charge.rounding_precision,
    }


def charge_from_json(stored: Json | None) -> Charge | None:
    """The charge back; tiers as in the table ``charge``."""
    if stored is None:
        return None
    size = stored["package_size"]
    return Charge(
        model=stored["model"],
        included=Decimal(stored["included"]),
        price=Decimal(stored["price"]),
        package_size=None if size is None else Decimal(size),
        tiers=read_tiers(stored["tiers"]),
        minimum=Decimal(stored["minimum"]),
        rounding=stored["rounding"],
        rounding_precision=stored["rounding_precision"],
    )


def read_tiers(stored: list[Json]) -> tuple[Tier, ...]:
    """Tiers of a charge; their numbers are decimal strings."""
    return tuple(
        Tier(
            up_to=None if tier["up_to"] is None else Decimal(tier["up_to"]),
            unit_price=Decimal(tier["unit_price"]),
            flat_price=Decimal(tier["flat_price"]),
        )
        for tier in stored
    )


def rating_json(rating: Rating) -> Json:
    """Units, quota, overage, amount, and the working step by step."""
    return {
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
