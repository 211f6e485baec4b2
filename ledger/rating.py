"""Rating: what a quantity costs under a charge. Pure, exact, rounded once per line.

The included quota is taken off first; the model prices what is over it.

standard    overage * price
package     blocks of package_size, begun ones counted whole, * price
graduated   each tier prices the units that fall into it; flat for each tier reached
volume      the tier that the total falls into prices all units; its flat once
percentage  overage * price %
"""

from dataclasses import dataclass
from decimal import Decimal, localcontext

from ledger.money import EXACT, round_money

MODELS = ("standard", "package", "graduated", "volume", "percentage")
ZERO = Decimal(0)


@dataclass(frozen=True)
class Tier:
    """Units up to and including ``up_to`` (None: all the rest)."""

    up_to: Decimal | None
    unit_price: Decimal
    flat_price: Decimal


@dataclass(frozen=True)
class Charge:
    """How one metric is charged in one plan. Prices in whole currency units."""

    model: str
    included: Decimal
    price: Decimal
    package_size: Decimal | None = None
    tiers: tuple[Tier, ...] = ()


@dataclass(frozen=True)
class Step:
    """One line of the working: so many units, at a price, plus a flat price."""

    units: Decimal
    unit_price: Decimal
    flat_price: Decimal
    amount: Decimal


@dataclass(frozen=True)
class Rating:
    """A rated line. ``amount`` is rounded to the currency; the steps are exact."""

    units: Decimal
    included: Decimal
    overage: Decimal
    amount: Decimal
    steps: tuple[Step, ...]


def rate_usage(charge: Charge, units: Decimal, currency: str) -> Rating:
    """Price a period's units. Negative units are kept, and cost what none would."""
    with localcontext(EXACT):
        used = max(units, ZERO)
        overage = max(used - charge.included, ZERO)
        steps = _STEPS[charge.model](charge, overage)
        exact = sum((step.amount for step in steps), ZERO)
        return Rating(
            units=units,
            included=used - overage,
            overage=overage,
            amount=round_money(exact, currency),
            steps=tuple(steps),
        )


def _standard(charge: Charge, overage: Decimal) -> list[Step]:
    return [Step(overage, charge.price, ZERO, overage * charge.price)]


def _package(charge: Charge, overage: Decimal) -> list[Step]:
    if charge.package_size is None:
        raise ValueError("a package charge has no package_size; the catalog needs one")
    whole, rest = divmod(overage, charge.package_size)
    blocks = whole + 1 if rest else whole
    return [Step(blocks, charge.price, ZERO, blocks * charge.price)]


def _graduated(charge: Charge, overage: Decimal) -> list[Step]:
    steps: list[Step] = []
    floor = ZERO
    for tier in charge.tiers:
        # The first tier's flat price applies at 0 units; a later one's when reached.
        if steps and overage <= floor:
            break
        top = overage if tier.up_to is None else min(overage, tier.up_to)
        units = top - floor
        amount = units * tier.unit_price + tier.flat_price
        steps.append(Step(units, tier.unit_price, tier.flat_price, amount))
        floor = top if tier.up_to is None else tier.up_to
    return steps


def _volume(charge: Charge, overage: Decimal) -> list[Step]:
    tier = next(t for t in charge.tiers if t.up_to is None or overage <= t.up_to)
    amount = overage * tier.unit_price + tier.flat_price
    return [Step(overage, tier.unit_price, tier.flat_price, amount)]


def _percentage(charge: Charge, overage: Decimal) -> list[Step]:
    rate = charge.price / 100
    return [Step(overage, rate, ZERO, overage * rate)]


_STEPS = {
    "standard": _standard,
    "package": _package,
    "graduated": _graduated,
    "volume": _volume,
    "percentage": _percentage,
}
