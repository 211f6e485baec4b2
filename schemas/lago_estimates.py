"""Estimates of fees: what Lago's clients ask, and read."""

from marshmallow import Schema, fields

from schemas.lago_catalog_fields import LagoSchema, NameCode


class EstimateSchema(LagoSchema):
    """An event that is not sent: ``{code, external_subscription_id, properties}``."""

    code = NameCode(required=True)
    external_subscription_id = NameCode(required=True)
    transaction_id = fields.Raw()
    properties = fields.Dict(load_default=dict)


class EstimateRequestSchema(Schema):
    """The body of an estimate."""

    event = fields.Nested(EstimateSchema, required=True)


class EstimatedItemSchema(Schema):
    """What a fee is for."""

    type = fields.String(required=True)
    code = fields.String(required=True)
    name = fields.String(required=True)
    invoice_display_name = fields.String(required=True)
    filter_invoice_display_name = fields.String(required=True, allow_none=True)
    filters = fields.Dict(required=True, allow_none=True)
    lago_item_id = fields.UUID(required=True)
    item_type = fields.String(required=True)
    grouped_by = fields.Dict(required=True)


class EstimatedFeeSchema(Schema):
    """What the event would add; before tax, which Odoo adds on the invoice."""

    lago_id = fields.UUID(required=True, allow_none=True)
    lago_charge_id = fields.UUID(required=True)
    lago_charge_filter_id = fields.UUID(required=True, allow_none=True)
    lago_invoice_id = fields.UUID(required=True, allow_none=True)
    external_subscription_id = fields.String(required=True)
    lago_customer_id = fields.UUID(required=True)
    external_customer_id = fields.String(required=True)
    item = fields.Nested(EstimatedItemSchema, required=True)
    pay_in_advance = fields.Boolean(required=True)
    invoiceable = fields.Boolean(required=True)
    amount_cents = fields.Integer(required=True)
    amount_currency = fields.String(required=True)
    precise_amount = fields.String(required=True)
    taxes_amount_cents = fields.Integer(required=True)
    taxes_rate = fields.Integer(required=True)
    total_amount_cents = fields.Integer(required=True)
    total_amount_currency = fields.String(required=True)
    units = fields.String(required=True)
    total_aggregated_units = fields.String(required=True)
    events_count = fields.Integer(required=True)
    payment_status = fields.String(required=True)
    from_date = fields.String(required=True)
    to_date = fields.String(required=True)


class EstimateAnswerSchema(Schema):
    """The fees: one, or none where the plan charges nothing for the metric."""

    fees = fields.List(fields.Nested(EstimatedFeeSchema), required=True)
