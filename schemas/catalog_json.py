"""Lists within a catalog's entries as plain JSON values, numbers as decimal strings.

So they are stored in the ledger, and cross to Odoo as JSON text.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from schemas.catalog_entries import ChargeFilter, MetricFilter, Threshold, Tier
from schemas.messages import plain_number

Json = dict[str, Any]


def tier_values(tiers: Iterable[Tier]) -> list[dict[str, str | None]]:
    """``{"up_to", "unit_price", "flat_price"}`` each; no ``up_to``: all the rest."""
    return [
        {
            "up_to": _text(tier.up_to),
            "unit_price": _text(tier.unit_price),
            "flat_price": _text(tier.flat_price),
        }
        for tier in tiers
    ]


def charge_filter_values(filters: Iterable[ChargeFilter]) -> list[Json]:
    """``{"name", "values": {key: [value]}}`` and the terms of each."""
    return [
        {
            "name": entry.name,
            "values": {key: list(values) for key, values in entry.values},
            "included": plain_number(entry.included),
            "price": plain_number(entry.price),
            "package_size": _text(entry.package_size),
            "tiers": tier_values(entry.tiers),
            "fixed": plain_number(entry.fixed),
            "free_events": str(entry.free_events),
            "group_keys": list(entry.group_keys),
        }
        for entry in filters
    ]


def read_charge_filters(values: Iterable[Json]) -> tuple[ChargeFilter, ...]:
    """What ``charge_filter_values`` gave, an id or more beside it or not."""
    return tuple(
        ChargeFilter(
            values=tuple(
                (key, tuple(value["values"][key])) for key in sorted(value["values"])
            ),
            included=Decimal(value["included"]),
            price=Decimal(value["price"]),
            package_size=_number(value["package_size"]),
            tiers=read_tiers(value["tiers"]),
            fixed=Decimal(value["fixed"]),
            free_events=int(value["free_events"]),
            group_keys=tuple(value["group_keys"]),
            name=value["name"],
        )
        for value in values
    )


def read_tiers(values: Iterable[dict[str, str | None]]) -> tuple[Tier, ...]:
    """What ``tier_values`` gave."""
    return tuple(
        Tier(*(_number(tier[name]) for name in ("up_to", "unit_price", "flat_price")))  # type: ignore[arg-type]  # only up_to may be None
        for tier in values
    )


def metric_filter_values(filters: Iterable[MetricFilter]) -> list[Json]:
    """``{"key", "values"}`` each."""
    return [{"key": entry.key, "values": list(entry.values)} for entry in filters]


def read_metric_filters(values: Iterable[Json]) -> tuple[MetricFilter, ...]:
    """What ``metric_filter_values`` gave."""
    return tuple(MetricFilter(v["key"], tuple(v["values"])) for v in values)


def threshold_values(thresholds: Iterable[Threshold]) -> list[Json]:
    """``{"amount", "recurring", "name"}`` each."""
    return [
        {
            "amount": plain_number(entry.amount),
            "recurring": entry.recurring,
            "name": entry.name,
        }
        for entry in thresholds
    ]


def read_thresholds(values: Iterable[Json]) -> tuple[Threshold, ...]:
    """What ``threshold_values`` gave, an id beside it or not."""
    return tuple(
        Threshold(Decimal(v["amount"]), v["recurring"], v["name"]) for v in values
    )


def _text(number: Decimal | None) -> str | None:
    return None if number is None else plain_number(number)


def _number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
