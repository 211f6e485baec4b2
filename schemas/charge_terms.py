"""The schemas of what usage costs: a charge's own terms, and those of its filters."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from marshmallow import ValidationError, fields, validates_schema

from schemas.catalog_entries import ChargeFilter
from schemas.catalog_fields import Code, Number, Text, Whole
from schemas.entry_schema import EntrySchema
from schemas.tiers import ZERO, TierSchema, tier_faults, tier_of

TIERED: Final = ("graduated", "volume")
MAX_FREE_EVENTS: Final = 10**15
MAX_KEYS: Final = 20
MAX_VALUES: Final = 1000
MAX_FILTERS: Final = 500


class Distinct(fields.List[str]):
    """A list in which nothing stands twice, of ``least`` to ``most`` codes."""

    def __init__(self, least: int, most: int, **more: Any) -> None:
        super().__init__(Code(), **more)
        self._least, self._most = least, most

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise ValidationError("is not a list")
        if not self._least <= len(value) <= self._most:
            least = f"has less than {self._least} values"
            most = f"has more than {self._most} values"
            raise ValidationError(least if len(value) < self._least else most)
        codes = super()._deserialize(list(value), *args, **kwargs)
        if len(set(codes)) < len(codes):
            raise ValidationError("has a value twice")
        return codes


class TermsSchema(EntrySchema):
    """``{included, price, package_size, tiers, fixed, free_events, group_keys}``.

    ``fixed`` and ``free_events`` are of the model percentage.
    """

    included = Number(load_default=ZERO)
    price = Number()
    package_size = Number()
    tiers = fields.List(fields.Nested(TierSchema), load_default=list)
    fixed = Number(load_default=ZERO)
    free_events = Whole(0, MAX_FREE_EVENTS, load_default=0)
    group_keys = Distinct(0, MAX_KEYS, load_default=list)


class ChargeFilterSchema(TermsSchema):
    """``{name, values: {key: [value]}}`` and the terms of usage that has those."""

    name = Text(load_default="")
    values = fields.Dict(keys=Code(), values=Distinct(1, MAX_VALUES), required=True)

    @validates_schema
    def check_values(self, data: Mapping[str, Any], **_: Any) -> None:
        """Some key, and not too many."""
        if not 1 <= len(data["values"]) <= MAX_KEYS:
            raise ValidationError(f"has not 1 to {MAX_KEYS} keys", "values")


def model_faults(model: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """What the model lacks of loaded terms, and what it would ignore of them."""
    faults: dict[str, Any] = {}
    price = data.get("price")
    if model in TIERED:
        faults |= tier_faults(model, data["tiers"])
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
    if model != "percentage":
        for name in ("fixed", "free_events"):
            if data[name]:
                faults[name] = [f"is not used by {model}"]
    return faults


def filter_faults(model: str, filters: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """By place, what the model lacks or ignores of filters, and which are one twice."""
    faults: dict[int, Any] = {}
    known: set[frozenset[tuple[str, frozenset[str]]]] = set()
    for index, data in enumerate(filters):
        if found := model_faults(model, data):
            faults[index] = found
        values = frozenset((k, frozenset(v)) for k, v in data["values"].items())
        if values in known:
            faults.setdefault(index, {})["values"] = ["are those of a filter before"]
        known.add(values)
    return {"filters": faults} if faults else {}


def make_terms(model: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Loaded terms as the values of a Charge or a ChargeFilter."""
    return {
        "included": data["included"],
        "price": data.get("price", ZERO),
        "package_size": data["package_size"] if model == "package" else None,
        "tiers": tuple(tier_of(tier) for tier in data["tiers"]),
        "fixed": data["fixed"],
        "free_events": data["free_events"],
        "group_keys": tuple(data["group_keys"]),
    }


def make_filter(model: str, data: Mapping[str, Any]) -> ChargeFilter:
    """A loaded filter as a value."""
    values = tuple((key, tuple(data["values"][key])) for key in sorted(data["values"]))
    return ChargeFilter(values=values, name=data["name"], **make_terms(model, data))
