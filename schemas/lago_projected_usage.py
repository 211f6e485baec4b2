"""What the API answers about projected usage, in the shape that Lago's clients read."""

from marshmallow import Schema, fields

from schemas.answers import count_field
from schemas.usage_answers import (
    CorrectionUsageSchema,
    UsageChargeSchema,
    UsageMetricSchema,
    grouped_by_field,
    values_field,
)

_PROJECTED = {"description": "At the period's end, should usage go on as so far."}


class ProjectedFilterUsageSchema(Schema):
    """One filter of a charge; without values: what no filter takes."""

    units = fields.String(required=True)
    projected_units = fields.String(required=True, metadata=_PROJECTED)
    events_count = count_field("Counters folded.")
    amount_cents = fields.Integer(required=True)
    projected_amount_cents = fields.Integer(required=True, metadata=_PROJECTED)
    invoice_display_name = fields.String(required=True, allow_none=True)
    values = values_field()


class ProjectedGroupedUsageSchema(Schema):
    """One group of a charge."""

    units = fields.String(required=True)
    projected_units = fields.String(required=True, metadata=_PROJECTED)
    events_count = count_field("Counters folded.")
    amount_cents = fields.Integer(required=True)
    projected_amount_cents = fields.Integer(required=True, metadata=_PROJECTED)
    grouped_by = grouped_by_field()
    filters = fields.List(fields.Nested(ProjectedFilterUsageSchema), required=True)


class ProjectedChargeUsageSchema(Schema):
    """What one charge comes to now, and at the period's end."""

    units = fields.String(required=True)
    projected_units = fields.String(required=True, metadata=_PROJECTED)
    events_count = count_field("Counters folded.")
    amount_cents = fields.Integer(required=True)
    projected_amount_cents = fields.Integer(required=True, metadata=_PROJECTED)
    amount_currency = fields.String(required=True)
    charge = fields.Nested(UsageChargeSchema, required=True)
    billable_metric = fields.Nested(UsageMetricSchema, required=True)
    filters = fields.List(fields.Nested(ProjectedFilterUsageSchema), required=True)
    grouped_usage = fields.List(
        fields.Nested(ProjectedGroupedUsageSchema), required=True
    )


class CustomerProjectedUsageSchema(Schema):
    """The open period of a subscription, rated and projected; before tax.

    ``projected_amount_cents`` is the sum of those of ``charges_usage`` and of the
    ``corrections`` in its currency, which stay as they are.
    """

    from_datetime = fields.String(required=True)
    to_datetime = fields.String(
        required=True, metadata={"description": "The period's last second."}
    )
    issuing_date = fields.Date(required=True)
    invoice_id = fields.String(required=True, allow_none=True)
    currency = fields.String(required=True)
    amount_cents = fields.Integer(required=True)
    projected_amount_cents = fields.Integer(required=True, metadata=_PROJECTED)
    taxes_amount_cents = fields.Integer(required=True)
    total_amount_cents = fields.Integer(required=True)
    charges_usage = fields.List(
        fields.Nested(ProjectedChargeUsageSchema), required=True
    )
    corrections = fields.List(fields.Nested(CorrectionUsageSchema), required=True)


class ProjectedUsageAnswerSchema(Schema):
    """200 of projected usage."""

    customer_projected_usage = fields.Nested(
        CustomerProjectedUsageSchema, required=True
    )
