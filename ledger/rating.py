"""Rating: what usage costs under a charge. Pure, exact, rounded once per fee.

The metric's rounding comes first, then the included quota is taken off; the charge's
model prices what is over it. A charge's minimum fills up what is less. By parts each
filter's usage of each group is a fee of its own, and the line has their sum.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_UP,
    Decimal,
    localcontext,
)
from typing import Final

from ledger.charge import ZERO, Charge, Group
from ledger.charge_models import Step, model_steps
from ledger.money import EXACT, round_money

ROUNDINGS = {"round": ROUND_HALF_UP, "ceil": ROUND_CEILING, "floor": ROUND_FLOOR}
MAX_PARTS: Final = 100_000
"""Of a line: its fees are kept with it, and a stored value has an end (a correction has
them twice). Who groups by a property of more values names single events by it."""


@dataclass(frozen=True)
class Part:
    """The usage that one fee is for: of a filter of the charge, by its place, and of a
    group. None: of no filter."""

    place: int | None
    group: Group
    quantity: Decimal
    events: int


@dataclass(frozen=True)
class Usage:
    """What a metric's counters fold to, how many they are, and, for a charge that
    prices it by parts, its parts."""

    quantity: Decimal
    events: int
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Rating:
    """A rated line. ``amount`` is rounded to the currency; all else is exact.

    ``units`` are rounded as the metric says; ``true_up`` is what the steps lack to the
    charge's minimum. ``slots``: the fees of a charge by parts, with steps of their own.
    """

    units: Decimal
    included: Decimal
    overage: Decimal
    amount: Decimal
    steps: tuple[Step, ...]
    true_up: Decimal = ZERO
    slots: tuple["Slot", ...] = ()


@dataclass(frozen=True)
class Slot:
    """A fee of a charge by parts. Of no filter: ``filter_id`` is None."""

    filter_id: str | None
    filter_name: str
    group: Mapping[str, str | None]
    quantity: Decimal
    events: int
    rating: Rating


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


def rate_usage(charge: Charge | None, usage: Usage, currency: str) -> Rating:
    """Price a period's usage; without a charge it costs nothing.

    Negative units are kept, and cost what none would. Raises ValueError,
    ArithmeticError or StopIteration when the charge cannot be rated by.
    """
    if charge is None:
        return Rating(usage.quantity, ZERO, ZERO, ZERO, ())
    with localcontext(EXACT):
        if charge.by_parts:
            return _rate_parts(charge, usage, currency)
        return _rate_fee(charge, usage.quantity, usage.events, currency)


def rate_correction(
    charge: Charge | None, before: Rating, usage: Usage, currency: str
) -> Correction:
    """Price what a period comes to by now beside what it was billed at last."""
    return Correction(before, rate_usage(charge, usage, currency))


def round_units(quantity: Decimal, rounding: str, precision: int) -> Decimal:
    """A period's quantity as its metric rounds it; "round" is half up."""
    if rounding == "none":
        return quantity
    step = Decimal(1).scaleb(-precision, context=EXACT)
    whole = EXACT.divide(quantity, step).to_integral_value(ROUNDINGS[rounding])
    return EXACT.multiply(whole, step)


def _rate_fee(charge: Charge, quantity: Decimal, events: int, currency: str) -> Rating:
    units = round_units(quantity, charge.rounding, charge.rounding_precision)
    used = max(units, ZERO)
    overage = max(used - charge.included, ZERO)
    steps = model_steps(charge, overage, events)
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


def _rate_parts(charge: Charge, usage: Usage, currency: str) -> Rating:
    if len(usage.parts) > MAX_PARTS:
        raise ValueError(
            f"its filters and groups have usage of more than {MAX_PARTS} values"
        )
    if sum(part.events for part in usage.parts) != usage.events:
        raise ValueError("the parts of the usage are not all of it")
    slots = tuple(_rate_part(charge, p, currency) for p in fee_parts(charge, usage))
    fees = [slot.rating for slot in slots]
    amount = sum((fee.amount for fee in fees), ZERO)
    true_up = max(charge.minimum - amount, ZERO)
    return Rating(
        units=sum((fee.units for fee in fees), ZERO),
        included=sum((fee.included for fee in fees), ZERO),
        overage=sum((fee.overage for fee in fees), ZERO),
        amount=amount + round_money(true_up, currency),
        steps=(),
        true_up=true_up,
        slots=slots,
    )


def fee_parts(charge: Charge, usage: Usage) -> Iterator[Part]:
    """A part for each fee: by filter, then what no filter takes, each by group.

    A filter without usage is a fee all the same, of no group's.
    """
    for place in (*range(len(charge.filters)), None):
        its = [part for part in usage.parts if part.place == place]
        if its:
            yield from sorted(its, key=_group_order)
        else:
            keys = charge.terms_of(place).group_keys
            yield Part(place, (None,) * len(keys), ZERO, 0)


def _group_order(part: Part) -> list[tuple[bool, str]]:
    return [(value is None, value or "") for value in part.group]


def _rate_part(charge: Charge, part: Part, currency: str) -> Slot:
    terms = charge.terms_of(part.place)
    taken = None if part.place is None else charge.filters[part.place]
    return Slot(
        filter_id=taken.id if taken else None,
        filter_name=taken.name if taken else "",
        group=dict(zip(terms.group_keys, part.group, strict=True)),
        quantity=part.quantity,
        events=part.events,
        rating=_rate_fee(terms, part.quantity, part.events, currency),
    )
