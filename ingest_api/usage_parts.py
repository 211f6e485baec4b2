"""A charge's fees by filter and by group, in the shape that Lago's clients read.

A fee is of one filter and one group. ``filters`` sum them over the groups, the last is
of what no filter takes; ``grouped_usage`` sums them over the filters, and has the
filters of each group. A group that is not used, and costs nothing, is left out.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ledger.charge import Charge
from ledger.money import sum_exact, to_cents
from ledger.rating import Rating, Slot


@dataclass(frozen=True)
class Fee:
    """A fee as it is, and as it is projected; where nothing is, as it is."""

    now: Slot
    then: Slot


def parts_answer(charge: Charge | None, rating: Rating, currency: str) -> Any:
    """``filters`` and ``grouped_usage`` of usage."""
    fees = [Fee(slot, slot) for slot in rating.slots]
    return _answer(charge, fees, lambda its: _sums(its, currency))


def projected_parts_answer(
    charge: Charge | None, now: Rating, then: Rating, currency: str
) -> Any:
    """``filters`` and ``grouped_usage`` of projected usage."""
    slots = zip(now.slots, then.slots, strict=True)
    fees = [Fee(*each) for each in slots]
    return _answer(charge, fees, lambda its: _projected_sums(its, currency))


def units_text(units: Decimal) -> str:
    """Units as Lago writes them: ``4`` → ``4.0``, ``1.50`` → ``1.5``."""
    whole, _, fraction = format(units, "f").partition(".")
    return f"{whole}.{fraction.rstrip('0') or '0'}"


Sums = Callable[[Sequence[Fee]], dict[str, Any]]


def _answer(charge: Charge | None, fees: Sequence[Fee], sums: Sums) -> dict[str, Any]:
    if charge is None:
        return {"filters": [], "grouped_usage": []}
    return {
        "filters": _filters(charge, fees, sums),
        "grouped_usage": _groups(charge, fees, sums),
    }


def _filters(charge: Charge, fees: Sequence[Fee], sums: Sums) -> list[dict[str, Any]]:
    if not charge.filters:
        return []
    values = {one.id: one.values for one in charge.filters}
    by_filter: dict[str | None, list[Fee]] = defaultdict(list)
    for fee in fees:
        by_filter[fee.now.filter_id].append(fee)
    return [
        {
            **sums(its),
            "invoice_display_name": its[0].now.filter_name or None,
            "values": {
                key: list(allowed) for key, allowed in values.get(taken, {}).items()
            }
            if taken is not None
            else {},
        }
        for taken, its in by_filter.items()
    ]


def _groups(charge: Charge, fees: Sequence[Fee], sums: Sums) -> list[dict[str, Any]]:
    by_group: dict[tuple[tuple[str, str | None], ...], list[Fee]] = defaultdict(list)
    for fee in fees:
        if fee.now.group and (fee.now.events or fee.now.rating.amount):
            by_group[tuple(sorted(fee.now.group.items()))].append(fee)
    return [
        {
            **sums(its),
            "grouped_by": dict(group),
            "filters": _filters(charge, its, sums),
        }
        for group, its in by_group.items()
    ]


def _sums(fees: Sequence[Fee], currency: str) -> dict[str, Any]:
    units = units_text(sum_exact(fee.now.rating.units for fee in fees))
    return {
        "units": units,
        "total_aggregated_units": units,
        "events_count": sum(fee.now.events for fee in fees),
        "amount_cents": to_cents(
            sum_exact(fee.now.rating.amount for fee in fees), currency
        ),
    }


def _projected_sums(fees: Sequence[Fee], currency: str) -> dict[str, Any]:
    return {
        "units": units_text(sum_exact(fee.now.rating.units for fee in fees)),
        "projected_units": units_text(sum_exact(fee.then.rating.units for fee in fees)),
        "events_count": sum(fee.now.events for fee in fees),
        "amount_cents": to_cents(
            sum_exact(fee.now.rating.amount for fee in fees), currency
        ),
        "projected_amount_cents": to_cents(
            sum_exact(fee.then.rating.amount for fee in fees), currency
        ),
    }
