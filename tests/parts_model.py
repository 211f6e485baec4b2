"""Usage by parts as one would do it by hand: event by event, fee by fee, in fractions.

Nothing of the ledger's own rules is used here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from ledger.charge import Charge, ChargeFilter, Tier

CENT = Fraction(1, 100)
Fee = tuple[str | None, tuple[tuple[str, str | None], ...]]
"""A filter's id (None: of no filter) and the values of its group keys."""


@dataclass(frozen=True)
class Event:
    """A counter with its properties; ``members`` are those of a unique metric."""

    name: str
    at: int
    value: Decimal
    properties: Mapping[str, str | None]
    member: str = ""


def fee_of(charge: Charge, event: Event) -> Fee:
    """Whose an event is: of the fitting filters with the most keys the first."""
    best: ChargeFilter | None = None
    for one in charge.filters:
        fits = True
        for key, allowed in one.values.items():
            if event.properties.get(key) not in allowed:
                fits = False
        if fits and (best is None or len(one.values) > len(best.values)):
            best = one
    keys = charge.group_keys if best is None else best.group_keys
    group = tuple((key, event.properties.get(key)) for key in keys)
    return (None if best is None else best.id), group


def all_fees(charge: Charge, events: Sequence[Event]) -> dict[Fee, list[Event]]:
    """The events of each fee; a filter without any is a fee of no events."""
    fees: dict[Fee, list[Event]] = {}
    for event in events:
        fees.setdefault(fee_of(charge, event), []).append(event)
    for one in (*charge.filters, None):
        name = None if one is None else one.id
        keys = charge.group_keys if one is None else one.group_keys
        if name not in {fee[0] for fee in fees}:
            fees[name, tuple((key, None) for key in keys)] = []
    return fees


def fold(events: Sequence[Event], aggregation: str) -> Decimal:
    """What events come to."""
    if not events:
        return Decimal(0)
    if aggregation == "count":
        return Decimal(len(events))
    if aggregation == "unique":
        members: set[str] = set()
        for event in sorted(events, key=lambda event: (event.at, event.name)):
            if event.properties.get("operation_type") == "remove":
                members.discard(event.member)
            else:
                members.add(event.member)
        return Decimal(len(members))
    if aggregation == "max":
        return max(event.value for event in events)
    if aggregation == "last":
        return max(events, key=lambda event: (event.at, event.name)).value
    return sum((event.value for event in events), Decimal(0))


def price(
    terms: Charge | ChargeFilter, model: str, units: Decimal, events: int
) -> Fraction:
    """One fee's exact price; units are not rounded."""
    over = max(Fraction(max(units, Decimal(0))) - Fraction(terms.included), Fraction(0))
    if model == "standard":
        return over * Fraction(terms.price)
    if model == "package":
        assert terms.package_size is not None
        blocks = -((-over) // Fraction(terms.package_size))
        return blocks * Fraction(terms.price)
    if model == "percentage":
        paid = max(events - terms.free_events, 0)
        return over * Fraction(terms.price) / 100 + paid * Fraction(terms.fixed)
    if model == "volume":
        for tier in terms.tiers:
            if tier.up_to is None or over <= Fraction(tier.up_to):
                flat = Fraction(tier.flat_price)
                return over * Fraction(tier.unit_price) + flat
    total, floor = Fraction(0), Fraction(0)
    for number, tier in enumerate(terms.tiers):
        if number and over <= floor:
            break
        top = over if tier.up_to is None else min(over, Fraction(tier.up_to))
        total += (top - floor) * Fraction(tier.unit_price) + Fraction(tier.flat_price)
        floor = top if tier.up_to is None else Fraction(tier.up_to)
    return total


def half_up(amount: Fraction) -> Fraction:
    """To the cent."""
    return (amount / CENT + Fraction(1, 2)).__floor__() * CENT


def bill(charge: Charge, events: Sequence[Event], aggregation: str) -> Fraction:
    """What the charge comes to in all."""
    total = Fraction(0)
    by_id = {one.id: one for one in charge.filters}
    for (name, _), its in all_fees(charge, events).items():
        terms = charge if name is None else by_id[name]
        units = fold(its, aggregation)
        total += half_up(price(terms, charge.model, units, len(its)))
    return total + half_up(max(Fraction(charge.minimum) - total, Fraction(0)))


VALUES = ("eu", "us", "")
PROPERTIES = st.dictionaries(
    st.sampled_from(["region", "tier", "zone"]), st.sampled_from([*VALUES, None])
)
_PRICES = st.decimals(0, 100, places=4)
_TIERS = st.builds(
    lambda top, a, b: (Tier(Decimal(top), a, b), Tier(None, b, a)),
    st.integers(1, 20),
    _PRICES,
    _PRICES,
)
_KEYS = st.lists(
    st.sampled_from(["region", "tier", "zone"]), max_size=2, unique=True
).map(tuple)
_NUMBERS: dict[str, st.SearchStrategy[Any]] = {
    "included": st.decimals(0, 5, places=2),
    "price": _PRICES,
    "package_size": st.decimals(1, 5, places=1),
    "tiers": _TIERS,
    "fixed": st.sampled_from([Decimal(0), Decimal("0.305")]),
    "free_events": st.integers(0, 2),
    "group_keys": _KEYS,
}
_FILTERS = st.lists(
    st.builds(
        ChargeFilter,
        id=st.just(""),
        name=st.just("a filter"),
        values=st.dictionaries(
            st.sampled_from(["region", "tier"]),
            st.lists(st.sampled_from(VALUES), min_size=1, unique=True).map(tuple),
            min_size=1,
        ),
        **_NUMBERS,
    ),
    max_size=3,
)


@st.composite
def charges(draw: st.DrawFn, models: Sequence[str]) -> Charge:
    """Charges of these models with filters and groups; some with none."""
    filters = tuple(
        ChargeFilter(**{**one.__dict__, "id": f"f{number}"})
        for number, one in enumerate(draw(_FILTERS))
    )
    return Charge(
        model=draw(st.sampled_from(models)),
        filters=filters,
        minimum=draw(st.sampled_from([Decimal(0), Decimal("12.345")])),
        display_name=draw(st.sampled_from(["", "Traffic"])),
        **{name: draw(values) for name, values in _NUMBERS.items()},
    )
