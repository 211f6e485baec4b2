"""How a line of a bill came about, step by step, as text for whoever pays it.

The numbers are the ledger's own, never rounded for show; units lose the zeros that
end them behind the point.
"""

import json
from decimal import Decimal, localcontext
from typing import Final

from ledger.charge import Charge
from ledger.charge_models import Step
from ledger.money import EXACT, round_money
from ledger.rating import Correction, Rating, Slot
from schemas.messages import plain_number

MAX_FEES: Final = 100


def working_text(
    charge: Charge | None, rating: Rating | Correction, currency: str
) -> str:
    """All the steps; of a correction those of what was billed and of what is due.

    Of more than MAX_FEES fees only the first ones.
    """
    if isinstance(rating, Rating):
        return "\n".join(_steps(charge, rating, currency))
    before, after, amount = (
        f"{plain_number(each.amount)} {currency}"
        for each in (rating.before, rating.after, rating)
    )
    return "\n".join(
        [
            f"billed before: {before}",
            *_indented(_steps(charge, rating.before, currency)),
            f"by now: {after}",
            *_indented(_steps(charge, rating.after, currency)),
            f"difference: {amount}",
        ]
    )


def step_text(charge: Charge, number: int, step: Step) -> str:
    """One step: ``2 blocks of 3600 x 0.0075 = 0.0150``; number counts from 0."""
    units, price = _units(step.units), plain_number(step.unit_price)
    text = f"{units} x {price}"
    if charge.model == "percentage" and number == 1:
        text = f"{units} {'event' if step.units == 1 else 'events'} x {price}"
    if charge.model == "package" and charge.package_size is not None:
        blocks = "block" if step.units == 1 else "blocks"
        text = f"{units} {blocks} of {_units(charge.package_size)} x {price}"
    if step.flat_price:
        text += f" + {plain_number(step.flat_price)}"
    text += f" = {plain_number(step.amount)}"
    if charge.model == "graduated":
        top = charge.tiers[number].up_to
        text += f" (tier {'of the rest' if top is None else f'to {_units(top)}'})"
    return text


def slot_text(slot: Slot, number: int) -> str:
    """Whose usage a fee is for: ``Europe, region eu, tier none: 3 events``."""
    names = [slot.filter_name or f"filter {number + 1}"] if slot.filter_id else []
    names += [
        f"{_shown(key)} {'none' if value is None else _shown(value)}"
        for key, value in slot.group.items()
    ]
    events = f"{slot.events} {'event' if slot.events == 1 else 'events'}"
    return f"{', '.join(names) or 'all other'}: {events}"


def slot_terms(charge: Charge, slot: Slot) -> Charge:
    """The charge by which the fee is priced."""
    ids = [one.id for one in charge.filters]
    return charge.terms_of(ids.index(slot.filter_id) if slot.filter_id else None)


def true_up_text(charge: Charge, rating: Rating) -> str:
    """What brings the steps up to the charge's least amount."""
    least = plain_number(charge.minimum)
    return f"+ {plain_number(rating.true_up)} up to the least amount {least}"


def rounding_text(rating: Rating, currency: str) -> str:
    """The steps' exact sum, and what that is in the currency: ``0.0150 to 0.02 CAD``"""
    exact, amount = plain_number(_exact(rating)), plain_number(rating.amount)
    return f"{exact} to {amount} {currency}"


def _steps(charge: Charge | None, rating: Rating, currency: str) -> list[str]:
    if charge is None:
        return ["no charge: it costs nothing"]
    used = _units(rating.units)
    if charge.rounding != "none":
        used += f" ({charge.rounding} to {charge.rounding_precision} digits)"
    quota = "" if rating.slots else f" of {_units(charge.included)}"
    lines = [
        f"used {used}",
        f"included {_units(rating.included)}{quota}",
        f"over {_units(rating.overage)}",
    ]
    if rating.slots:
        return [*lines, *_fees(charge, rating, currency)]
    if not rating.steps or round_money(_exact(rating), currency) != rating.amount:
        return [*lines, f"not billed here: {plain_number(rating.amount)} {currency}"]
    lines += [
        step_text(charge, number, step) for number, step in enumerate(rating.steps)
    ]
    if rating.true_up:
        lines.append(true_up_text(charge, rating))
    return [*lines, f"rounded {rounding_text(rating, currency)}"]


def _fees(charge: Charge, rating: Rating, currency: str) -> list[str]:
    """Each fee with its steps, their sum, and what fills it up."""
    lines = []
    for place, slot in enumerate(rating.slots[:MAX_FEES]):
        terms = slot_terms(charge, slot)
        lines.append(slot_text(slot, place))
        lines += _indented(_steps(terms, slot.rating, currency))
    more = len(rating.slots) - MAX_FEES
    if more > 0:
        lines.append(f"and {more} fees more")
    if rating.true_up:
        lines.append(true_up_text(charge, rating))
    return [*lines, f"in all {plain_number(rating.amount)} {currency}"]


def _shown(text: str) -> str:
    return text if text.isprintable() and text else json.dumps(text)


def _units(number: Decimal) -> str:
    text = plain_number(number)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _exact(rating: Rating) -> Decimal:
    with localcontext(EXACT):
        return sum((step.amount for step in rating.steps), rating.true_up)


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]
