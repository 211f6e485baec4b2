"""A charge as plain JSON values, and as the columns of the table ``charge``.

Every number is a decimal string, so that it reads back exactly. What a charge does not
have is left out, and read as none: older ones were stored before there was any.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from ledger.charge import ZERO, Charge, ChargeFilter, Tier
from schemas.messages import plain_number

Json = dict[str, Any]


def read_charge(
    model: str | None,
    included: Decimal,
    price: Decimal,
    package_size: Decimal | None,
    tiers: list[Json],
    minimum: Decimal,
    rounding: str,
    rounding_precision: int,
    fixed: Decimal,
    free_events: int,
    group_keys: Sequence[str],
    filters: list[Json],
    display_name: str,
) -> Charge | None:
    """A charge and its metric's rounding as tables store them; no model: no charge.

    Raises ValueError for tiers or filters that are none.
    """
    if model is None:
        return None
    return Charge(
        model,
        included,
        price,
        package_size,
        read_tiers(tiers),
        minimum,
        rounding,
        rounding_precision,
        fixed,
        free_events,
        tuple(group_keys),
        read_filters(filters),
        display_name,
    )


def charge_json(charge: Charge | None) -> Json | None:
    """A charge as it was when the period froze; None: there was none."""
    if charge is None:
        return None
    stored = {
        "model": charge.model,
        **_numbers_json(charge),
        "minimum": plain_number(charge.minimum),
        "rounding": charge.rounding,
        "rounding_precision": charge.rounding_precision,
    }
    if charge.filters:
        stored["filters"] = [filter_json(one) for one in charge.filters]
    if charge.display_name:
        stored["display_name"] = charge.display_name
    return stored


def charge_from_json(stored: Json | None) -> Charge | None:
    """The charge back; tiers and filters as in the table ``charge``."""
    if stored is None:
        return None
    return Charge(
        model=stored["model"],
        **_numbers_from_json(stored),
        minimum=Decimal(stored["minimum"]),
        rounding=stored["rounding"],
        rounding_precision=stored["rounding_precision"],
        filters=read_filters(stored.get("filters", [])),
        display_name=stored.get("display_name", ""),
    )


def filter_json(one: ChargeFilter) -> Json:
    """A filter as the table ``charge`` has it."""
    return {
        "id": one.id,
        "name": one.name,
        "values": {key: list(values) for key, values in one.values.items()},
        **_numbers_json(one),
    }


def read_filters(stored: Any) -> tuple[ChargeFilter, ...]:
    """Filters of a charge. Raises ValueError when they are none."""
    try:
        return tuple(
            ChargeFilter(
                id=one["id"],
                name=one.get("name") or "",
                values={key: tuple(values) for key, values in one["values"].items()},
                **_numbers_from_json(one),
            )
            for one in stored
        )
    except (ArithmeticError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"the charge's filters cannot be read: {error!r}") from error


def read_tiers(stored: Any) -> tuple[Tier, ...]:
    """Tiers of a charge; their numbers are decimal strings. Raises ValueError."""
    try:
        return tuple(
            Tier(
                up_to=None if tier["up_to"] is None else Decimal(tier["up_to"]),
                unit_price=Decimal(tier["unit_price"]),
                flat_price=Decimal(tier["flat_price"]),
            )
            for tier in stored
        )
    except (ArithmeticError, KeyError, TypeError) as error:
        raise ValueError(f"the charge's tiers cannot be read: {error!r}") from error


def _numbers_json(priced: Charge | ChargeFilter) -> Json:
    size = priced.package_size
    stored: Json = {
        "included": plain_number(priced.included),
        "price": plain_number(priced.price),
        "package_size": None if size is None else plain_number(size),
        "tiers": [
            {
                "up_to": None if tier.up_to is None else plain_number(tier.up_to),
                "unit_price": plain_number(tier.unit_price),
                "flat_price": plain_number(tier.flat_price),
            }
            for tier in priced.tiers
        ],
    }
    if priced.fixed:
        stored["fixed"] = plain_number(priced.fixed)
    if priced.free_events:
        stored["free_events"] = priced.free_events
    if priced.group_keys:
        stored["group_keys"] = list(priced.group_keys)
    return stored


def _numbers_from_json(stored: Json) -> Json:
    size = stored.get("package_size")
    return {
        "included": Decimal(stored.get("included", ZERO)),
        "price": Decimal(stored.get("price", ZERO)),
        "package_size": None if size is None else Decimal(size),
        "tiers": read_tiers(stored.get("tiers", [])),
        "fixed": Decimal(stored.get("fixed", ZERO)),
        "free_events": int(stored.get("free_events", 0)),
        "group_keys": tuple(stored.get("group_keys", ())),
    }
