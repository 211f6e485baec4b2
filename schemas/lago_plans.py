"""Plans: what Lago's clients write and read."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from schemas.answers import MetaSchema
from schemas.catalog import INTERVALS, MAX_THRESHOLDS
from schemas.catalog_fields import Text, Whole
from schemas.lago_catalog_fields import (
    MAX_CENTS,
    LagoSchema,
    Lines,
    NameCode,
    NameText,
    Only,
)
from schemas.lago_charges import ChargeAnswerSchema, ChargeSchema

MAX_CHARGES: Final = 500

_INTERVAL: Final = validate.OneOf(
    INTERVALS, error="value_is_invalid: must be one of {choices}"
)
_CURRENCY: Final = validate.Regexp(
    r"[A-Z]{3}\Z", error="value_is_invalid: is not three capital letters, such as CAD"
)
_TOO_MANY: Final = "value_is_invalid: has more than {max}"


class ThresholdSchema(LagoSchema):
    """``{amount_cents, recurring, threshold_display_name}``; recurring: once more each
    time that so much is added."""

    amount_cents = Whole(1, MAX_CENTS, required=True)
    recurring = fields.Boolean(load_default=False)
    threshold_display_name = Text()


class PlanChangeSchema(LagoSchema):
    """A change of a plan: what is absent stays as it is."""

    name = NameText()
    code = NameCode()
    description = Lines()
    interval = fields.String(validate=_INTERVAL)
    amount_cents = Whole(0, MAX_CENTS)
    amount_currency = fields.String(validate=_CURRENCY)
    charges = fields.List(
        fields.Nested(ChargeSchema),
        validate=validate.Length(max=MAX_CHARGES, error=_TOO_MANY),
    )
    usage_thresholds = fields.List(
        fields.Nested(ThresholdSchema),
        validate=validate.Length(max=MAX_THRESHOLDS, error=_TOO_MANY),
    )
    cascade_updates = fields.Boolean()
    pay_in_advance = Only("plans are billed at the period's end")
    trial_period = Only("start the subscription when its trial has ended")
    bill_charges_monthly = Only("charges are billed with the plan's interval")
    bill_fixed_charges_monthly = Only(
        "there are no fixed charges; use the plan's amount"
    )
    fixed_charges = Only("there are no fixed charges; use the plan's amount")
    tax_codes = Only("taxes are Odoo's: set them on the product there")
    minimum_commitment = Only(
        "a plan has no least amount; use min_amount_cents of a charge"
    )

    @validates_schema
    def check_thresholds(self, data: Mapping[str, Any], **_: Any) -> None:
        """Each amount once, and one recurring at most."""
        thresholds = data.get("usage_thresholds") or []
        recurring = [each for each in thresholds if each["recurring"]]
        if len(recurring) > 1:
            text = "value_is_invalid: more than one is recurring"
            raise ValidationError(text, "usage_thresholds")
        amounts = [each["amount_cents"] for each in thresholds if not each["recurring"]]
        if len(set(amounts)) < len(amounts):
            text = "value_is_invalid: has an amount twice"
            raise ValidationError(text, "usage_thresholds")


class NewPlanSchema(PlanChangeSchema):
    """A new plan."""

    name = NameText(required=True)
    code = NameCode(required=True)
    interval = fields.String(required=True, validate=_INTERVAL)
    amount_cents = Whole(0, MAX_CENTS, required=True)
    amount_currency = fields.String(required=True, validate=_CURRENCY)


class NewPlanRequestSchema(Schema):
    """The body that makes a plan."""

    plan = fields.Nested(NewPlanSchema, required=True)


class PlanChangeRequestSchema(Schema):
    """The body that changes a plan."""

    plan = fields.Nested(PlanChangeSchema, required=True)


class ThresholdAnswerSchema(Schema):
    """A threshold of a plan."""

    lago_id = fields.UUID(required=True)
    amount_cents = fields.Integer(required=True)
    recurring = fields.Boolean(required=True)
    threshold_display_name = fields.String(required=True, allow_none=True)


class PlanSchema(Schema):
    """A plan, as Lago's clients read it."""

    lago_id = fields.UUID(required=True)
    name = fields.String(required=True)
    invoice_display_name = fields.String(required=True, allow_none=True)
    created_at = fields.String(required=True)
    code = fields.String(required=True)
    interval = fields.String(required=True, validate=validate.OneOf(INTERVALS))
    description = fields.String(required=True)
    amount_cents = fields.Integer(required=True)
    amount_currency = fields.String(required=True)
    trial_period = fields.Integer(required=True)
    pay_in_advance = fields.Boolean(required=True)
    bill_charges_monthly = fields.Boolean(required=True)
    bill_fixed_charges_monthly = fields.Boolean(required=True)
    charges = fields.List(fields.Nested(ChargeAnswerSchema), required=True)
    fixed_charges = fields.List(fields.Dict(), required=True)
    minimum_commitment = fields.Dict(required=True, allow_none=True)
    usage_thresholds = fields.List(fields.Nested(ThresholdAnswerSchema), required=True)
    taxes = fields.List(fields.Dict(), required=True)
    metadata = fields.Dict(required=True)


class PlanAnswerSchema(Schema):
    """One plan."""

    plan = fields.Nested(PlanSchema, required=True)


class PlansAnswerSchema(Schema):
    """A page of plans."""

    plans = fields.List(fields.Nested(PlanSchema), required=True)
    meta = fields.Nested(MetaSchema, required=True)
