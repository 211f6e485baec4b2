"""Charges of plans: what Lago's clients write of them, and read."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from schemas.answers import MetaSchema
from schemas.catalog_fields import Text, Whole
from schemas.charge_terms import (
    MAX_FILTERS,
    MAX_FREE_EVENTS,
    MAX_KEYS,
    MAX_VALUES,
)
from schemas.charges import MODELS
from schemas.lago_catalog_fields import (
    MAX_CENTS,
    Amount,
    LagoSchema,
    NameCode,
    Only,
    some,
)

MAX_RANGES: Final = 200

_ALL_VALUES: Final = "__ALL_FILTER_VALUES__"
_TOO_MANY: Final = "value_is_invalid: has more than {max}"


class RangeSchema(LagoSchema):
    """``{from_value, to_value, per_unit_amount, flat_amount}``; the last is open."""

    from_value = Amount("value_is_invalid")
    to_value = Amount("value_is_invalid")
    per_unit_amount = Amount()
    flat_amount = Amount()


class PropertiesSchema(LagoSchema):
    """What a charge, or one of its filters, costs; which of it counts says the model.

    ``included_units`` is not Lago's: units that cost nothing, of any model; a package
    has its ``free_units`` and a percentage ``free_units_per_total_aggregation`` for it.
    """

    amount = Amount()
    package_size = Amount("invalid_package_size")
    free_units = Amount("invalid_free_units")
    rate = Amount("invalid_rate")
    fixed_amount = Amount("invalid_fixed_amount")
    free_units_per_events = Whole(0, MAX_FREE_EVENTS)
    free_units_per_total_aggregation = Amount("invalid_free_units")
    graduated_ranges = fields.List(
        fields.Nested(RangeSchema),
        validate=validate.Length(max=MAX_RANGES, error=_TOO_MANY),
    )
    volume_ranges = fields.List(
        fields.Nested(RangeSchema),
        validate=validate.Length(max=MAX_RANGES, error=_TOO_MANY),
    )
    pricing_group_keys = fields.List(
        NameCode(), validate=validate.Length(max=MAX_KEYS, error=_TOO_MANY)
    )
    grouped_by = fields.List(
        NameCode(), validate=validate.Length(max=MAX_KEYS, error=_TOO_MANY)
    )
    included_units = Amount("invalid_free_units")
    per_transaction_min_amount = Only("a percentage has no least amount per event here")
    per_transaction_max_amount = Only("a percentage has no most amount per event here")

    @validates_schema
    def check_groups(self, data: Mapping[str, Any], **_: Any) -> None:
        """Each key once."""
        for name in ("pricing_group_keys", "grouped_by"):
            keys = data.get(name) or []
            if len(set(keys)) < len(keys):
                raise ValidationError("value_is_invalid: has a key twice", name)


class ChargeFilterSchema(LagoSchema):
    """``{values: {key: [value]}, properties, invoice_display_name}``."""

    invoice_display_name = Text()
    values = fields.Dict(
        keys=NameCode(),
        values=fields.List(
            NameCode(),
            validate=some(MAX_VALUES),
        ),
        required=True,
        validate=some(MAX_KEYS),
    )
    properties = fields.Nested(PropertiesSchema)

    @validates_schema
    def check_values(self, data: Mapping[str, Any], **_: Any) -> None:
        """Values are named one by one."""
        for key, values in data["values"].items():
            if _ALL_VALUES in values:
                text = "value_is_invalid: name each of the metric's values"
                raise ValidationError({"values": {key: [text]}})


class ChargeSchema(LagoSchema):
    """A charge of a plan; one that has an ``id`` is there, and keeps what is absent."""

    id = fields.UUID()
    billable_metric_id = fields.UUID()
    code = NameCode()
    charge_model = fields.String(
        validate=validate.OneOf(
            MODELS, error="value_is_invalid: must be one of {choices}"
        )
    )
    invoice_display_name = Text()
    min_amount_cents = Whole(0, MAX_CENTS)
    properties = fields.Nested(PropertiesSchema)
    filters = fields.List(
        fields.Nested(ChargeFilterSchema),
        validate=validate.Length(max=MAX_FILTERS, error=_TOO_MANY),
    )
    pay_in_advance = Only("charges are billed at the period's end")
    prorated = Only("charges are not prorated")
    invoiceable = Only("every charge goes on the invoice", (True,))
    regroup_paid_fees = Only("charges are billed at the period's end")
    tax_codes = Only("taxes are Odoo's: set them on the product there")
    applied_pricing_unit = Only("prices are in the plan's currency")


class ChargeFilterAnswerSchema(Schema):
    """A filter of a charge."""

    lago_id = fields.UUID(required=True)
    invoice_display_name = fields.String(required=True, allow_none=True)
    properties = fields.Dict(required=True)
    values = fields.Dict(
        keys=fields.String(), values=fields.List(fields.String()), required=True
    )


class ChargeAnswerSchema(Schema):
    """A charge, as Lago's clients read it."""

    lago_id = fields.UUID(required=True)
    lago_billable_metric_id = fields.UUID(required=True)
    billable_metric_code = fields.String(required=True)
    code = fields.String(required=True)
    created_at = fields.String(required=True)
    charge_model = fields.String(required=True, validate=validate.OneOf(MODELS))
    pay_in_advance = fields.Boolean(required=True)
    prorated = fields.Boolean(required=True)
    invoiceable = fields.Boolean(required=True)
    regroup_paid_fees = fields.String(required=True, allow_none=True)
    invoice_display_name = fields.String(required=True, allow_none=True)
    min_amount_cents = fields.Integer(required=True)
    properties = fields.Dict(required=True)
    filters = fields.List(fields.Nested(ChargeFilterAnswerSchema), required=True)
    taxes = fields.List(fields.Dict(), required=True)


class OneChargeAnswerSchema(Schema):
    """One charge of a plan."""

    charge = fields.Nested(ChargeAnswerSchema, required=True)


class ChargesAnswerSchema(Schema):
    """A page of a plan's charges."""

    charges = fields.List(fields.Nested(ChargeAnswerSchema), required=True)
    meta = fields.Nested(MetaSchema, required=True)
