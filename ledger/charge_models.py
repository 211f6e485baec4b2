"""The models of charges: the steps by which what is over the quota is priced. Pure.

standard    overage * price
package     blocks of package_size, begun ones counted whole, * price
graduated   each tier prices the units that fall into it; flat for each tier reached
volume      the tier that the total falls into prices all units; its flat once
percentage  overage * price %, and a fixed price for each event over the free ones
"""

from dataclasses import dataclass
from decimal import Decimal

from ledger.charge import ZERO, Charge


@dataclass(frozen=True)
class Step:
    """One line of the working: so many units, at a price, plus a flat price."""

    units: Decimal
    unit_price: Decimal
    flat_price: Decimal
    amount: Decimal


def model_steps(charge: Charge, overage: Decimal, events: int) -> list[Step]:
    """Call it in the context EXACT. Raises KeyError, StopIteration or ValueError for a
    charge that cannot be rated by."""
    if charge.model == "percentage":
        return _percentage(charge, overage, events)
    return _STEPS[charge.model](charge, overage)


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


def _percentage(charge: Charge, overage: Decimal, events: int) -> list[Step]:
    rate = charge.price / 100
    steps = [Step(overage, rate, ZERO, overage * rate)]
    if charge.fixed:
        paid = Decimal(max(events - charge.free_events, 0))
        steps.append(Step(paid, charge.fixed, ZERO, paid * charge.fixed))
    return steps


_STEPS = {
    "standard": _standard,
    "package": _package,
    "graduated": _graduated,
    "volume": _volume,
}
