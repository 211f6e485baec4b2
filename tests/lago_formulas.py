"""Lago's charge models by its formulas, as plainly as they can be said.

Over the properties as a client writes them, in exact fractions; of one fee, before it
is rounded. It shares nothing with the ledger's rating.
"""

from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any


def naive_amount(model: str, properties: Any, units: Decimal, events: int) -> Fraction:
    """What so many units, of so many events, cost."""
    count = max(Fraction(units), Fraction(0))
    if model == "standard":
        return count * _number(properties["amount"])
    if model == "package":
        over = max(count - _number(properties.get("free_units") or 0), Fraction(0))
        size = _number(properties.get("package_size") or 1)
        return ceil(over / size) * _number(properties["amount"])
    if model == "percentage":
        free = _number(properties.get("free_units_per_total_aggregation") or 0)
        charged = max(count - free, Fraction(0)) * _number(properties["rate"]) / 100
        free_events = properties.get("free_units_per_events") or 0
        fixed = _number(properties.get("fixed_amount") or 0)
        return charged + max(events - free_events, 0) * fixed
    if model == "graduated":
        return _graduated(properties["graduated_ranges"], count)
    return _volume(properties["volume_ranges"], count)


def _graduated(ranges: Any, units: Fraction) -> Fraction:
    total = Fraction(0)
    floor = Fraction(0)
    for index, each in enumerate(ranges):
        if index and units <= floor:
            break
        top = each["to_value"]
        inside = (units if top is None else min(units, _number(top))) - floor
        total += inside * _number(each["per_unit_amount"])
        total += _number(each["flat_amount"])
        floor = Fraction(0) if top is None else _number(top)
    return total


def _volume(ranges: Any, units: Fraction) -> Fraction:
    for each in ranges:
        if each["to_value"] is None or units <= _number(each["to_value"]):
            price = _number(each["per_unit_amount"])
            return units * price + _number(each["flat_amount"])
    raise AssertionError("the last range is open")


def _number(text: Any) -> Fraction:
    return Fraction(text)
