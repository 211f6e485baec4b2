"""A charge: the numbers by which a metric's usage is priced in one plan. Pure.

Its filters price the usage whose properties have certain values by numbers of their
own; its group keys price apart what differs in these properties.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from schemas.properties import Property, plain_text

ZERO = Decimal(0)

Group = tuple[str | None, ...]
"""The values of the group keys, in their order; None: the property is not there."""


@dataclass(frozen=True)
class Tier:
    """Units up to and including ``up_to`` (None: all the rest)."""

    up_to: Decimal | None
    unit_price: Decimal
    flat_price: Decimal


@dataclass(frozen=True)
class ChargeFilter:
    """Numbers of its own, for usage whose properties have such values."""

    id: str
    name: str
    values: Mapping[str, tuple[str, ...]]
    included: Decimal = ZERO
    price: Decimal = ZERO
    package_size: Decimal | None = None
    tiers: tuple[Tier, ...] = ()
    fixed: Decimal = ZERO
    free_events: int = 0
    group_keys: tuple[str, ...] = ()

    def takes(self, properties: Mapping[str, Property]) -> bool:
        """Whether usage with these properties is the filter's, if no other's."""
        return all(
            plain_text(properties.get(key)) in allowed
            for key, allowed in self.values.items()
        )


@dataclass(frozen=True)
class Charge:
    """How one metric is charged in one plan. Prices in whole currency units.

    ``rounding`` is the metric's: "none" or how a fee's units are rounded, to
    ``rounding_precision`` digits after the point (negative: tens, hundreds). ``fixed``:
    of a percentage charge, for each event over ``free_events``.
    """

    model: str
    included: Decimal
    price: Decimal
    package_size: Decimal | None = None
    tiers: tuple[Tier, ...] = ()
    minimum: Decimal = ZERO
    rounding: str = "none"
    rounding_precision: int = 0
    fixed: Decimal = ZERO
    free_events: int = 0
    group_keys: tuple[str, ...] = ()
    filters: tuple[ChargeFilter, ...] = ()
    display_name: str = ""

    @property
    def by_parts(self) -> bool:
        """Whether usage is priced apart by its properties."""
        return bool(self.filters or self.group_keys)

    @property
    def counts_events(self) -> bool:
        """Whether the number of events makes a difference."""
        return self.by_parts or bool(self.fixed)

    def terms_of(self, place: int | None) -> "Charge":
        """The charge by which one fee is priced: of the filter at this place, or none.

        The minimum is of the charge as a whole, not of a fee.
        """
        if place is None:
            return replace(self, minimum=ZERO, filters=())
        taken = self.filters[place]
        return replace(
            self,
            minimum=ZERO,
            filters=(),
            included=taken.included,
            price=taken.price,
            package_size=taken.package_size,
            tiers=taken.tiers,
            fixed=taken.fixed,
            free_events=taken.free_events,
            group_keys=taken.group_keys,
        )

    def place_of(self, properties: Mapping[str, Property]) -> tuple[int | None, Group]:
        """The filter and the group of usage with these properties.

        Of the filters that take it the one of the most keys, of those the first; None:
        no filter takes it.
        """
        taking = [
            (-len(one.values), place)
            for place, one in enumerate(self.filters)
            if one.takes(properties)
        ]
        place = min(taking)[1] if taking else None
        keys = self.group_keys if place is None else self.filters[place].group_keys
        return place, tuple(plain_text(properties.get(key)) for key in keys)
