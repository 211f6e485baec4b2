"""The schema of a charge, with the rules of each charge model."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from schemas.catalog_entries import Charge
from schemas.catalog_fields import Code, Number, Text
from schemas.charge_terms import (
    MAX_FILTERS,
    ChargeFilterSchema,
    TermsSchema,
    filter_faults,
    make_filter,
    make_terms,
    model_faults,
)
from schemas.tiers import ZERO

MODELS: Final = ("standard", "package", "graduated", "volume", "percentage")


class ChargeSchema(TermsSchema):
    """``{metric, model, minimum, display_name, filters}`` and the charge's own terms.

    ``minimum`` is the least amount of the charge per period; 0 by default.
    """

    metric = Code(required=True)
    model = fields.String(required=True, validate=validate.OneOf(MODELS))
    minimum = Number(load_default=ZERO)
    display_name = Text(load_default="")
    filters = fields.List(
        fields.Nested(ChargeFilterSchema),
        load_default=list,
        validate=validate.Length(max=MAX_FILTERS),
    )

    @validates_schema
    def check_model(self, data: Mapping[str, Any], **_: Any) -> None:
        """What the model needs is there, and nothing that it would ignore."""
        model = data["model"]
        if faults := model_faults(model, data) | filter_faults(model, data["filters"]):
            raise ValidationError(faults)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Charge:
        """The checked charge."""
        return Charge(
            metric=data["metric"],
            model=data["model"],
            minimum=data["minimum"],
            display_name=data["display_name"],
            filters=tuple(make_filter(data["model"], f) for f in data["filters"]),
            **make_terms(data["model"], data),
        )
