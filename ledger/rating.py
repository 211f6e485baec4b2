"""Rating: what a quantity costs under a charge. Pure, exact, rounded once per line.

The metric's rounding comes first, then the included quota is taken off; the model
prices what is over it. A charge's minimum fills up what is less.

standard    overage * price
package     blocks of package_size, begun ones counted whole, * price
graduated   each tier prices the units that fall into it; flat for each tier reached
volume      the tier that the total falls into prices all units; its flat once
percentage  overage * price %
"""

from dataclasses import dataclass
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_UP,
    Decimal,
    localcontext,
)

from ledger.money import EXACT, round_money

MODELS = ("standard", "package", "graduated", "volume", "percentage")
ROUNDINGS = {"round": ROUND_HALF_UP, "ceil": ROUND_CEILING, "floor": ROUND_FLOOR}
ZERO = Decimal(0)


@dataclass(frozen=True)
class Tier:
    """Units up to and including ``up_to`` (None: all the rest)."""

    up_to: Decimal | None
    unit_price: Decimal
    flat_price: Decimal


@dataclass(frozen=True)
class Charge:
    """How one metric is charged in one plan. Prices in whole currency units.

    ``rounding`` is the metric's: "none" or one of ROUNDINGS, of a period's units, to
    ``rounding_precision`` digits after the point (negative: tens, hundreds).
    """

    model: str
    included: Decimal
    price: Decimal
    package_size: Decimal | None = None
    tiers: tuple[Tier, ...] = ()
    minimum: Decimal = ZERO
    rounding: str = "none"
    rounding_precision: int = 0


@dataclass(frozen=True)
class Step:
    """One line of the working: so many units, at a price, plus a flat price."""

    units: Decimal
    unit_price: Decimal
    flat_price: Decimal
    amount: Decimal


@dataclass(frozen=True)
class Rating:
    """A rated line. ``amount`` is rounded to the currency; all else is exact.

    ``units`` are rounded as the metric says; ``true_up`` is what the steps lack to the
    charge's minimum.
    """

    units: Decimal
    included: Decimal
    overage: Decimal
    amount: Decimal
    steps: tuple[Step, ...]
    true_up: Decimal = ZERO


NOTHING = Rating(ZERO, ZERO, ZERO, ZERO, ())
"""What is not used and not charged comes to."""


@dataclass(frozen=True)
class Correction:
    """A period as it was billed and as it is by now; a bill has the difference."""

    before: Rating
    after: Rating

    @property
    def units(self) -> Decimal:
        """More units than were billed; negative: fewer."""
        return EXACT.subtract(self.after.units, self.before.units)

    @property
    def included(self) -> Decimal:
        """More of the quota than was used."""
        return EXACT.subtract(self.after.included, self.before.included)

    @property
    def overage(self) -> Decimal:
        """More over the quota than was billed."""
        return EXACT.subtract(self.after.overage, self.before.overage)

    @property
    def amount(self) -> Decimal:
        """To be billed besides; negative: to be given back. In the currency's steps."""
        return EXACT.subtract(self.after.amount, self.before.amount)


def rate_usage(charge: Charge | None, quantity: Decimal, currency: str) -> Rating:
    """Price a period's quantity; without a charge it costs nothing.

    Negative units are kept, and cost what none would. Raises ValueError,
    ArithmeticError or StopIteration when the charge cannot be rated by.
    """
    if charge is None:
        return Rating(quantity, ZERO, ZERO, ZERO, ())
    with localcontext(EXACT):
        units = round_units(quantity, charge.rounding, charge.rounding_precision)
        used = max(units, ZERO)
        overage = max(used - charge.included, ZERO)
        steps = _STEPS[charge.model](charge, overage)
        exact = sum((step.amount for step in steps), ZERO)
        true_up = max(charge.minimum - exact, ZERO)
        return Rating(
            units=units,
            included=used - overage,
            overage=overage,
            amount=round_money(exact + true_up, currency),
            steps=tuple(steps),
            true_up=true_up,
        )


def rate_correction(
    charge: Charge | None, before: Rating, quantity: Decimal, currency: str
) -> Correction:
    """Price what a period comes to by now beside what it was billed at last."""
    return Correction(before, rate_usage(charge, quantity, currency))


def round_units(quantity: Decimal, rounding: str, precision: int) -> Decimal:
    """A period's quantity as its metric rounds it; "round" is half up."""
    if rounding == "none":
        return quantity
    step = Decimal(1).scaleb(-precision, context=EXACT)
    whole = EXACT.divide(quantity, step).to_integral_value(ROUNDINGS[rounding])
    return EXACT.multiply(whole, step)


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
