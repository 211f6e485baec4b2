"""The schemas of a charge and its tiers, with the rules of each charge model.

Tiers may use Lago's names: ``from_value``, ``to_value``, ``per_unit_amount`` and
``flat_amount``; its ranges may touch (0-100, 100-) or count whole units (0-100, 101-).
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from marshmallow import (
    Schema,
    ValidationError,
    fields,
    post_load,
    pre_load,
    validate,
    validates_schema,
)

from schemas.catalog_entries import Charge, Tier
from schemas.catalog_fields import Code, Number

MODELS: Final = ("standard", "package", "graduated", "volume", "percentage")
TIERED: Final = ("graduated", "volume")
ZERO: Final = Decimal(0)

_SAME: Final = (
    ("up_to", "to_value"),
    ("unit_price", "per_unit_amount"),
    ("flat_price", "flat_amount"),
)


class EntrySchema(Schema):
    """An entry of a catalog. A known field that is null counts as not given."""

    @pre_load
    def drop_absent(self, data: Any, **_: Any) -> Any:
        """Without the fields that are null."""
        if not isinstance(data, Mapping):
            return data
        return {
            name: value
            for name, value in data.items()
            if value is not None or name not in self.fields
        }


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


class ChargeSchema(EntrySchema):
    """``{metric, model, included, price, package_size, tiers, minimum}``.

    ``minimum`` is the least amount of the charge per period; 0 by default.
    """

    metric = Code(required=True)
    model = fields.String(required=True, validate=validate.OneOf(MODELS))
    included = Number(load_default=ZERO)
    price = Number()
    package_size = Number()
    tiers = fields.List(fields.Nested(TierSchema), load_default=list)
    minimum = Number(load_default=ZERO)

    @validates_schema
    def check_model(self, data: Mapping[str, Any], **_: Any) -> None:
        """What the model needs is there, and nothing that it would ignore."""
        model = data["model"]
        faults: dict[str, Any] = {}
        price = data.get("price")
        if model in TIERED:
            faults |= _tier_faults(model, data["tiers"])
            if price:
                faults["price"] = [f"is not used by {model}, which prices by tiers"]
        else:
            if price is None:
                faults["price"] = [f"is missing, which {model} needs"]
            elif model == "percentage" and price > 100:
                faults["price"] = ["is more than 100 percent"]
            if data["tiers"]:
                faults["tiers"] = [f"are not used by {model}"]
        size = data.get("package_size")
        if model == "package":
            if size is None:
                faults["package_size"] = ["is missing, which package needs"]
            elif not size:
                faults["package_size"] = ["is not greater than 0"]
        elif size not in (None, ZERO, 1):
            faults["package_size"] = [f"is not used by {model}"]
        if faults:
            raise ValidationError(faults)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Charge:
        """The checked charge."""
        packaged = data["model"] == "package"
        return Charge(
            metric=data["metric"],
            model=data["model"],
            included=data["included"],
            price=data.get("price", ZERO),
            package_size=data["package_size"] if packaged else None,
            tiers=tuple(_tier(tier) for tier in data["tiers"]),
            minimum=data["minimum"],
        )


def _tier(data: Mapping[str, Any]) -> Tier:
    up_to, unit_price, flat_price = (
        data.get(name, data.get(lago_name)) for name, lago_name in _SAME
    )
    return Tier(up_to, unit_price or ZERO, flat_price or ZERO)


def _tier_faults(model: str, tiers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Tiers begin at 0, rise without a gap, and only the last one is open."""
    if not tiers:
        return {"tiers": [f"are missing, which {model} needs"]}
    faults: dict[int, Any] = {}
    floor = ZERO
    for index, data in enumerate(tiers):
        top = _tier(data).up_to
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
