"""Which of a period's charges current usage is asked for: Lago's names, old and new.

``apply_taxes`` is of no matter, since taxes are Odoo's, and 0 here. What we cannot
answer is refused with a sentence, so that no app takes one thing for another.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from ingest_api.errors import ApiError, not_found, validation_failed
from ingest_api.path_ids import find_no_odd_text
from ingest_api.strict_json import JsonInvalid, TooManyObjects, parse_json
from ledger.money import sum_exact
from ledger.rating import Rating
from ledger.usage import ChargeUsage, PeriodUsage

UNKNOWN_CHARGE: Final = "charge_not_found"
UNKNOWN_METRIC: Final = "billable_metric_not_found"

_PRESENTATION: Final = (
    "usage is not broken down by presentation groups here; ask for usage without it"
)
_FULL_USAGE: Final = (
    "usage from the subscription's start on is not answered by charge; ask for "
    "past_usage, or for lifetime_usage in money"
)
_GROUP: Final = "must be group[property]=value, or an object of texts"
_MAX_GROUP_CHARS: Final = 4_000
_NAMED: Final = re.compile(r"group\[(.+)\]", re.DOTALL)


@dataclass(frozen=True)
class UsageFilter:
    """Charges that are wanted, by what is not None; of them the usage of the groups
    with these values, where there are any."""

    charge_id: str | None = None
    charge_code: str | None = None
    metric_code: str | None = None
    group: tuple[tuple[str, str], ...] = ()


def read_filter(query: Mapping[str, str]) -> UsageFilter:
    """What a query asks for. Raises ApiError 422, or 404 for what nothing is called."""
    if "filter_by_presentation" in query:
        raise _refusal("filter_by_presentation", _PRESENTATION)
    if query.get("full_usage", "").lower() in ("true", "1", "t"):
        raise _refusal("full_usage", _FULL_USAGE)
    charge_id = query.get("charge_id") or query.get("filter_by_charge_id") or None
    charge_code = query.get("charge_code") or query.get("filter_by_charge_code") or None
    metric_code = query.get("billable_metric_code") or None
    for text, code in (
        (charge_id, UNKNOWN_CHARGE),
        (charge_code, UNKNOWN_CHARGE),
        (metric_code, UNKNOWN_METRIC),
    ):
        if text is not None:
            find_no_odd_text(text, code)
    return UsageFilter(charge_id, charge_code, metric_code, _read_group(query))


def filter_usage(usage: PeriodUsage, wanted: UsageFilter) -> PeriodUsage:
    """The period with the charges that are wanted, and amounts of these alone.

    Raises ApiError 404 when the plan has no such charge.
    """
    if wanted == UsageFilter():
        return usage
    charges = tuple(
        charge
        for charge in usage.charges
        if wanted.metric_code in (None, charge.metric_code)
        and wanted.charge_code in (None, charge.metric_code)
        and (wanted.charge_id is None or _same_id(charge.charge_id, wanted.charge_id))
    )
    if not charges and (wanted.charge_id, wanted.charge_code) != (None, None):
        raise not_found(UNKNOWN_CHARGE)
    codes = {charge.metric_code for charge in charges} | {wanted.metric_code}
    corrections = tuple(
        correction
        for correction in usage.corrections
        if correction.metric_code in codes and not wanted.group
    )
    if wanted.group:
        charges = tuple(_of_group(charge, wanted.group) for charge in charges)
        charges = tuple(charge for charge in charges if charge.rating.slots)
    return replace(usage, charges=charges, corrections=corrections)


def _of_group(usage: ChargeUsage, group: tuple[tuple[str, str], ...]) -> ChargeUsage:
    """The charge with the fees of these groups alone; its minimum is not of a group."""
    slots = tuple(
        slot
        for slot in usage.rating.slots
        if all(slot.group.get(key) == value for key, value in group)
    )
    fees = [slot.rating for slot in slots]
    rating = Rating(
        units=sum_exact(fee.units for fee in fees),
        included=sum_exact(fee.included for fee in fees),
        overage=sum_exact(fee.overage for fee in fees),
        amount=sum_exact(fee.amount for fee in fees),
        steps=(),
        slots=slots,
    )
    return replace(usage, events=sum(slot.events for slot in slots), rating=rating)


def _read_group(query: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    wanted: dict[str, Any] = {}
    text = query.get("filter_by_group")
    if text:
        try:
            given = parse_json(text[:_MAX_GROUP_CHARS].encode(), max_objects=1)
        except (JsonInvalid, TooManyObjects, UnicodeError) as error:
            raise _refusal("filter_by_group", _GROUP) from error
        if not isinstance(given, dict):
            raise _refusal("filter_by_group", _GROUP)
        wanted.update(given)
    for name, value in query.items():
        named = _NAMED.fullmatch(name)
        if named:
            wanted[named[1]] = value
        elif name == "group":
            raise _refusal("group", _GROUP)
    if not all(isinstance(value, str) for value in wanted.values()):
        raise _refusal("filter_by_group", _GROUP)
    return tuple(sorted(wanted.items()))


def _same_id(charge_id: UUID, text: str) -> bool:
    return str(charge_id) == text.lower()


def _refusal(name: str, sentence: str) -> ApiError:
    details: dict[str, Any] = {name: ["value_is_invalid"]}
    return validation_failed(details, sentence)
