"""A line of an invoice as Lago's clients read it, in answers and webhooks alike."""

from typing import Any, Final

from marshmallow import Schema, fields, validate

from schemas.lago_values import DecimalText, Instant, Rate

ITEM_TYPES: Final = ("charge", "subscription", "add_on")
PAYMENT_STATUSES: Final = ("pending", "succeeded", "failed")


def optional(field: type[fields.Field[Any]], **more: Any) -> fields.Field[Any]:
    """A field that may be null."""
    return field(required=True, allow_none=True, **more)


class FeeItemSchema(Schema):
    """What a fee is for."""

    type = fields.String(required=True, validate=validate.OneOf(ITEM_TYPES))
    code = optional(fields.String)
    name = fields.String(required=True)
    invoice_display_name = optional(fields.String)
    filter_invoice_display_name = fields.Constant(None)
    filters = fields.Constant(None)
    lago_item_id = optional(fields.UUID)
    item_type = fields.String(required=True)
    grouped_by: fields.Constant[Any] = fields.Constant({})


class FeeSchema(Schema):
    """A fee. ``description`` is the invoice's own text, with the working."""

    lago_id = fields.UUID(required=True)
    lago_charge_id = optional(fields.UUID)
    lago_charge_filter_id = fields.Constant(None)
    lago_invoice_id = fields.UUID(required=True)
    lago_true_up_fee_id = fields.Constant(None)
    lago_true_up_parent_fee_id = fields.Constant(None)
    lago_subscription_id = optional(fields.UUID)
    external_subscription_id = optional(fields.String)
    lago_customer_id = optional(fields.UUID)
    external_customer_id = optional(fields.String)
    item = fields.Nested(FeeItemSchema, required=True)
    pay_in_advance = fields.Constant(False)
    invoiceable = fields.Constant(True)
    amount_cents = fields.Integer(required=True)
    amount_currency = fields.String(required=True, attribute="currency", dump_only=True)
    precise_amount = DecimalText(required=True, attribute="amount", dump_only=True)
    taxes_amount_cents = optional(fields.Integer)
    taxes_precise_amount = optional(DecimalText, attribute="tax", dump_only=True)
    taxes_rate = optional(Rate)
    total_amount_cents = fields.Integer(required=True)
    total_amount_currency = fields.String(
        required=True, attribute="currency", dump_only=True
    )
    sub_total_excluding_taxes_amount_cents = fields.Integer(
        required=True, attribute="amount_cents", dump_only=True
    )
    units = DecimalText(required=True)
    total_aggregated_units = DecimalText(
        required=True, attribute="units", dump_only=True
    )
    precise_unit_amount = DecimalText(
        required=True, attribute="unit_price", dump_only=True
    )
    events_count = fields.Constant(None)
    description = fields.String(required=True)
    payment_status = fields.String(
        required=True, validate=validate.OneOf(PAYMENT_STATUSES)
    )
    created_at = optional(Instant)
    succeeded_at = fields.Constant(None)
    failed_at = fields.Constant(None)
    refunded_at = fields.Constant(None)
    from_date = optional(Instant, attribute="from_datetime", dump_only=True)
    to_date = optional(Instant, attribute="to_datetime", dump_only=True)
    from_datetime = optional(Instant)
    to_datetime = optional(Instant)
    applied_taxes: fields.Constant[Any] = fields.Constant([])
