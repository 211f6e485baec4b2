"""How a line of a bill came about, step by step, as text for whoever pays it.

The numbers are the ledger's own, never rounded for show; units lose the zeros that
end them behind the point.
"""

from decimal import Decimal, localcontext

from ledger.charge import Charge
from ledger.charge_models import Step
from ledger.money import EXACT, round_money
from ledger.rating import Correction, Rating
from schemas.messages import plain_number


def working_text(
    charge: Charge | None, rating: Rating | Correction, currency: str
) -> str:
    """All the steps; of a correction those of what was billed and of what is due."""
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
    lines = [
        f"used {used}",
        f"included {_units(rating.included)} of {_units(charge.included)}",
        f"over {_units(rating.overage)}",
    ]
    if not rating.steps or round_money(_exact(rating), currency) != rating.amount:
        return [*lines, f"not billed here: {plain_number(rating.amount)} {currency}"]
    lines += [
        step_text(charge, number, step) for number, step in enumerate(rating.steps)
    ]
    if rating.true_up:
        lines.append(true_up_text(charge, rating))
    return [*lines, f"rounded {rounding_text(rating, currency)}"]


def _units(number: Decimal) -> str:
    text = plain_number(number)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _exact(rating: Rating) -> Decimal:
    with localcontext(EXACT):
        return sum((step.amount for step in rating.steps), rating.true_up)


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]
