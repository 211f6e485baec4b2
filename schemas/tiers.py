"""The schema of a charge's tiers, which begin at 0 and follow each other.

They may use Lago's names: ``from_value``, ``to_value``, ``per_unit_amount`` and
``flat_amount``; its ranges may touch (0-100, 100-) or count whole units (0-100, 101-).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from marshmallow import ValidationError, validates_schema

from schemas.catalog_entries import Tier
from schemas.catalog_fields import Number
from schemas.entry_schema import EntrySchema

ZERO: Final = Decimal(0)

_SAME: Final = (
    ("up_to", "to_value"),
    ("unit_price", "per_unit_amount"),
    ("flat_price", "flat_amount"),
)


class TierSchema(EntrySchema):
    """``{up_to, unit_price, flat_price}``; no ``up_to``: all the rest."""

    up_to = Number()
    unit_price = Number()
    flat_price = Number()
    from_value = Number()
    to_value = Number()
    per_unit_amount = Number()
    flat_amount = Number()

    @validates_schema
    def check_names(self, data: Mapping[str, Any], **_: Any) -> None:
        """Each part once, and some price."""
        for name, lago_name in _SAME:
            if name in data and lago_name in data:
                raise ValidationError(f"is {name} by another name", lago_name)
        if not any(name in data for pair in _SAME[1:] for name in pair):
            raise ValidationError("is missing, and so is flat_price", "unit_price")


def tier_of(data: Mapping[str, Any]) -> Tier:
    up_to, unit_price, flat_price = (
        data.get(name, data.get(lago_name)) for name, lago_name in _SAME
    )
    return Tier(up_to, unit_price or ZERO, flat_price or ZERO)


def tier_faults(model: str, tiers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Tiers begin at 0, rise without a gap, and only the last one is open."""
    if not tiers:
        return {"tiers": [f"are missing, which {model} needs"]}
    faults: dict[int, Any] = {}
    floor = ZERO
    for index, data in enumerate(tiers):
        top = tier_of(data).up_to
        start = data.get("from_value")
        steps = (floor,) if index == 0 else (floor, floor + 1)
        if start is not None and start not in steps:
            fault = f"does not follow {floor:f}, where the tier before ends"
            faults[index] = {"from_value": [fault if index else "is not 0"]}
        elif top is None and index < len(tiers) - 1:
            faults[index] = {"up_to": ["is missing, and more tiers follow"]}
        elif top is not None and top <= floor:
            faults[index] = {"up_to": [f"is not greater than {floor:f}"]}
        elif top is not None and index == len(tiers) - 1:
            faults[index] = {"up_to": ["must be null in the last tier: all the rest"]}
        floor = floor if top is None else top
    return {"tiers": faults} if faults else {}
