"""Charges of the catalog as their apps read them: numbers as they are written down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from ledger.charge import ZERO
from ledger.charge import Tier as RatedTier
from ledger.charge_json import read_tiers
from schemas.catalog_entries import Charge, ChargeFilter, Tier


@dataclass(frozen=True)
class Price:
    """What units cost by some model, of a charge or of one of its filters.

    ``included`` units and ``free_events`` cost nothing; ``fixed`` is per event over
    them. Units are priced apart by the values of the properties in ``group_keys``.
    """

    included: Decimal = ZERO
    price: Decimal = ZERO
    package_size: Decimal | None = None
    tiers: tuple[RatedTier, ...] = ()
    fixed: Decimal = ZERO
    free_events: int = 0
    group_keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class FilterEntry:
    """What some units cost: those whose properties have one of the values by key."""

    id: str
    name: str
    values: Mapping[str, tuple[str, ...]]
    price: Price


@dataclass(frozen=True)
class ChargeEntry:
    """A charge with its metric's public id and code; ``minimum`` in currency units."""

    public_id: UUID
    metric_id: UUID
    metric_code: str
    model: str
    display_name: str
    minimum: Decimal
    price: Price
    filters: tuple[FilterEntry, ...] = ()


def read_entry(
    public_id: UUID,
    metric_id: UUID,
    metric_code: str,
    model: str,
    display_name: str,
    minimum: Decimal,
    *price_and_filters: Any,
) -> ChargeEntry:
    """A charge as its table stores it."""
    *price, filters = price_and_filters
    return ChargeEntry(
        public_id,
        metric_id,
        metric_code,
        model,
        display_name,
        minimum,
        _read_price(*price),
        tuple(_read_filter(stored) for stored in filters),
    )


def charge_of(entry: ChargeEntry) -> Charge:
    """The charge as the catalog is written with it: without ids."""
    return Charge(
        metric=entry.metric_code,
        model=entry.model,
        minimum=entry.minimum,
        display_name=entry.display_name,
        filters=tuple(
            ChargeFilter(
                values=tuple((key, each.values[key]) for key in sorted(each.values)),
                name=each.name,
                **_terms_of(each.price),
            )
            for each in entry.filters
        ),
        **_terms_of(entry.price),
    )


def _terms_of(price: Price) -> dict[str, Any]:
    tiers = tuple(Tier(**vars(tier)) for tier in price.tiers)
    return {**vars(price), "tiers": tiers}


def _read_price(
    included: Decimal,
    price: Decimal,
    package_size: Decimal | None,
    tiers: list[dict[str, Any]],
    fixed: Decimal,
    free_events: int,
    group_keys: Sequence[str],
) -> Price:
    return Price(
        included,
        price,
        package_size,
        read_tiers(tiers),
        fixed,
        free_events,
        tuple(group_keys),
    )


def _read_filter(stored: Mapping[str, Any]) -> FilterEntry:
    size = stored.get("package_size")
    price = _read_price(
        Decimal(stored.get("included") or 0),
        Decimal(stored.get("price") or 0),
        Decimal(size) if size else None,
        stored.get("tiers") or [],
        Decimal(stored.get("fixed") or 0),
        int(stored.get("free_events") or 0),
        stored.get("group_keys") or (),
    )
    values = {key: tuple(values) for key, values in stored["values"].items()}
    return FilterEntry(stored["id"], stored.get("name") or "", values, price)
