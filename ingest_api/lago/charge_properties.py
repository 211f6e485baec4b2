"""A charge's price as Lago's ``properties``, and read from them.

Ranges are shown as ``0-100, 101-`` where bounds are whole, and ``0-0.5, 0.5-`` where
they are not; they mean the same: units over 100 are in the second one.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from marshmallow import ValidationError

from ledger.charge import ZERO, Tier
from ledger.charge_entries import Price

Properties = Mapping[str, Any]

MAX_RATE: Final = 100


def show_properties(model: str, price: Price) -> dict[str, Any]:
    """The properties of a charge of that model."""
    shown = _SHOWN[model](price)
    if price.included and model not in ("package", "percentage"):
        shown["included_units"] = number_text(price.included)
    if price.group_keys:
        shown["pricing_group_keys"] = list(price.group_keys)
    return shown


def read_properties(model: str, properties: Properties) -> Price:
    """The price that loaded properties mean; none at all mean that all is for nothing.

    Raises marshmallow's ValidationError for what the model needs and lacks.
    """
    if not properties:
        properties = _FOR_NOTHING.get(model, {"amount": ZERO, "rate": ZERO})
    values = _READ[model](properties)
    included = properties.get("included_units", values.pop("included", ZERO))
    groups = properties.get("pricing_group_keys") or properties.get("grouped_by") or ()
    return Price(included=included, group_keys=tuple(groups), **values)


def number_text(number: Decimal) -> str:
    """A number as text, without zeros at its end: ``0.50`` → ``0.5``."""
    whole, point, fraction = format(number, "f").partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}{point if fraction else ''}{fraction}"


def _count(number: Decimal) -> int | str:
    """As Lago has counts of units: a whole number, and else text."""
    whole = number.to_integral_value()
    return int(whole) if whole == number else number_text(number)


def _show_standard(price: Price) -> dict[str, Any]:
    return {"amount": number_text(price.price)}


def _show_package(price: Price) -> dict[str, Any]:
    size = Decimal(1) if price.package_size is None else price.package_size
    return {
        "amount": number_text(price.price),
        "free_units": _count(price.included),
        "package_size": _count(size),
    }


def _show_percentage(price: Price) -> dict[str, Any]:
    fixed, free = price.fixed, price.included
    return {
        "rate": number_text(price.price),
        "fixed_amount": number_text(fixed) if fixed else None,
        "free_units_per_events": price.free_events or None,
        "free_units_per_total_aggregation": number_text(free) if free else None,
    }


def _show_ranges(tiers: Sequence[Tier]) -> list[dict[str, Any]]:
    shown = []
    start = ZERO
    for tier in tiers:
        shown.append(
            {
                "from_value": _count(start),
                "to_value": None if tier.up_to is None else _count(tier.up_to),
                "per_unit_amount": number_text(tier.unit_price),
                "flat_amount": number_text(tier.flat_price),
            }
        )
        if tier.up_to is not None:
            whole = tier.up_to == tier.up_to.to_integral_value()
            start = tier.up_to + 1 if whole else tier.up_to
    return shown


def _read_standard(properties: Properties) -> dict[str, Any]:
    return {"price": _need(properties, "amount", "invalid_amount")}


def _read_package(properties: Properties) -> dict[str, Any]:
    size = properties.get("package_size", Decimal(1))
    if not size:
        raise ValidationError("invalid_package_size: is 0", "package_size")
    return {
        "price": _need(properties, "amount", "invalid_amount"),
        "package_size": size,
        "included": properties.get("free_units", ZERO),
    }


def _read_percentage(properties: Properties) -> dict[str, Any]:
    rate = _need(properties, "rate", "invalid_rate")
    if rate > MAX_RATE:
        raise ValidationError("invalid_rate: is more than 100 percent", "rate")
    return {
        "price": rate,
        "fixed": properties.get("fixed_amount", ZERO),
        "free_events": properties.get("free_units_per_events", 0),
        "included": properties.get("free_units_per_total_aggregation", ZERO),
    }


def _read_ranges(properties: Properties, name: str) -> dict[str, Any]:
    """Ranges begin at 0 and follow each other without a gap; only the last is open."""
    ranges = properties.get(name)
    if not ranges:
        raise ValidationError(f"missing_{name}: is missing", name)
    tiers = [
        Tier(
            each.get("to_value"),
            each.get("per_unit_amount", ZERO),
            each.get("flat_amount", ZERO),
        )
        for each in ranges
    ]
    floor = ZERO
    for index, tier in enumerate(tiers):
        last = index == len(tiers) - 1
        fault = _range_fault(ranges[index].get("from_value"), tier.up_to, floor, last)
        if fault:
            raise ValidationError({name: {index: [f"invalid_{name}: {fault}"]}})
        floor = floor if tier.up_to is None else tier.up_to
    return {"tiers": tuple(tiers)}


def _range_fault(
    start: Decimal | None, top: Decimal | None, floor: Decimal, last: bool
) -> str | None:
    starts = (floor, floor + 1) if floor else (floor,)
    if start is not None and start not in starts:
        return f"does not begin where the range before ends, at {floor:f}"
    if top is None:
        return None if last else "has no to_value, and more ranges follow"
    if last:
        return "the last range has a to_value; it must be null: all the rest"
    return None if top > floor else f"to_value is not greater than {floor:f}"


def _need(properties: Properties, name: str, code: str) -> Any:
    if name not in properties:
        raise ValidationError(f"{code}: is missing", name)
    return properties[name]


_SHOWN: Final[Mapping[str, Callable[[Price], dict[str, Any]]]] = {
    "standard": _show_standard,
    "package": _show_package,
    "percentage": _show_percentage,
    "graduated": lambda price: {"graduated_ranges": _show_ranges(price.tiers)},
    "volume": lambda price: {"volume_ranges": _show_ranges(price.tiers)},
}
_READ: Final[Mapping[str, Callable[[Properties], dict[str, Any]]]] = {
    "standard": _read_standard,
    "package": _read_package,
    "percentage": _read_percentage,
    "graduated": lambda properties: _read_ranges(properties, "graduated_ranges"),
    "volume": lambda properties: _read_ranges(properties, "volume_ranges"),
}
_FOR_NOTHING: Final[Mapping[str, Properties]] = {
    "graduated": {"graduated_ranges": [{"from_value": ZERO}]},
    "volume": {"volume_ranges": [{"from_value": ZERO}]},
}
