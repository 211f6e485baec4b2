"""Invoices as Lago's clients ask for them, and read them."""

from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate

from schemas.answers import MetaSchema
from schemas.lago_customers import CustomerSchema
from schemas.lago_fees import PAYMENT_STATUSES, FeeSchema, optional
from schemas.lago_values import Instant, Rate
from schemas.texts import TextInvalid, check_text

STATUSES: Final = {"draft": "draft", "posted": "finalized", "cancel": "voided"}
"""By Odoo's state."""
OTHER_STATUSES: Final = ("failed", "pending", "open", "closed", "generating")
"""Lago's, which no invoice here ever has."""
INVOICE_TYPE: Final = "subscription"
OTHER_TYPES: Final = (
    "add_on",
    "credit",
    "one_off",
    "advance_charges",
    "progressive_billing",
)
_MAX_CENTS: Final = 10**18


class QueryText(fields.String):
    """A text that could name something."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, *args, **kwargs)
        try:
            return check_text(str(text))
        except TextInvalid as error:
            raise ValidationError(str(error)) from error


def one_of_field(*values: str) -> fields.String:
    """One of these words."""
    error = "value_is_invalid: must be one of {choices}"
    return fields.String(validate=validate.OneOf(values, error=error))


def flag_field() -> fields.Boolean:
    """true or false."""
    return fields.Boolean(truthy={"true", "1"}, falsy={"false", "0"})


def cents_field() -> fields.Integer:
    """An amount in the smallest unit."""
    return fields.Integer(validate=validate.Range(-_MAX_CENTS, _MAX_CENTS))


def currency_field() -> fields.String:
    """A currency's three letters, in any case."""
    error = "value_is_invalid: is no currency"
    return fields.String(validate=validate.Regexp(r"[A-Za-z]{3}\Z", error=error))


class InvoiceQueryFields(Schema):
    """By what invoices are chosen; a list's names may have ``[]`` behind them."""

    external_customer_id = QueryText()
    status = fields.List(one_of_field(*STATUSES.values(), *OTHER_STATUSES))
    statuses = fields.List(one_of_field(*STATUSES.values(), *OTHER_STATUSES))
    payment_status = fields.List(one_of_field(*PAYMENT_STATUSES))
    payment_statuses = fields.List(one_of_field(*PAYMENT_STATUSES))
    payment_overdue = flag_field()
    payment_dispute_lost = flag_field()
    partially_paid = flag_field()
    self_billed = flag_field()
    issuing_date_from = fields.Date()
    issuing_date_to = fields.Date()
    currency = currency_field()
    invoice_type = fields.List(one_of_field(INVOICE_TYPE, *OTHER_TYPES))
    invoice_types = fields.List(one_of_field(INVOICE_TYPE, *OTHER_TYPES))
    number = QueryText()
    search_term = QueryText()
    amount_from = cents_field()
    amount_to = cents_field()


class AppliedTaxSchema(Schema):
    """What a tax comes to on an invoice."""

    lago_id = fields.UUID(required=True)
    lago_invoice_id = fields.UUID(required=True)
    lago_tax_id = fields.Constant(None)
    tax_name = fields.String(required=True)
    tax_code = fields.String(required=True)
    tax_rate = optional(Rate)
    tax_description = fields.Constant(None)
    amount_cents = fields.Integer(required=True)
    amount_currency = fields.String(required=True)
    fees_amount_cents = optional(fields.Integer)
    created_at = optional(Instant)


class InvoiceSummarySchema(Schema):
    """An invoice in a list."""

    lago_id = fields.UUID(required=True)
    number = fields.String(required=True)
    issuing_date = optional(fields.Date)
    payment_due_date = optional(fields.Date)
    payment_dispute_lost_at = fields.Constant(None)
    payment_overdue = fields.Boolean(required=True)
    net_payment_term = fields.Integer(required=True)
    invoice_type = fields.Constant(INVOICE_TYPE)
    version_number = fields.Constant(4)
    status = fields.String(required=True)
    payment_status = fields.String(required=True)
    payment_state = optional(
        fields.String, metadata={"description": "Odoo's own word, which is finer."}
    )
    currency = fields.String(required=True)
    fees_amount_cents = fields.Integer(required=True)
    coupons_amount_cents = fields.Constant(0)
    progressive_billing_credit_amount_cents = fields.Constant(0)
    sub_total_excluding_taxes_amount_cents = fields.Integer(required=True)
    taxes_amount_cents = fields.Integer(required=True)
    sub_total_including_taxes_amount_cents = fields.Integer(required=True)
    credit_notes_amount_cents = fields.Constant(0)
    prepaid_credit_amount_cents = fields.Constant(0)
    prepaid_granted_credit_amount_cents = fields.Constant(None)
    prepaid_purchased_credit_amount_cents = fields.Constant(None)
    total_amount_cents = fields.Integer(required=True)
    total_paid_amount_cents = fields.Integer(required=True)
    total_offsetted_credit_note_amount_cents = fields.Integer(
        required=True,
        metadata={"description": "What credit notes have settled of it."},
    )
    total_due_amount_cents = fields.Integer(required=True)
    self_billed = fields.Constant(False)
    voided_at = fields.Constant(None)
    file_url = optional(fields.String)
    xml_url = fields.Constant(None)
    created_at = optional(Instant)
    updated_at = Instant(required=True)
    customer = fields.Nested(CustomerSchema, required=True, allow_none=True)
    metadata: fields.Constant[Any] = fields.Constant([])
    applied_taxes = fields.List(fields.Nested(AppliedTaxSchema), required=True)


class BilledSubscriptionSchema(Schema):
    """A subscription that an invoice has lines of."""

    lago_id = fields.UUID(required=True)
    external_id = fields.String(required=True)
    lago_customer_id = fields.UUID(required=True)
    external_customer_id = fields.String(required=True)
    plan_code = fields.String(required=True)


class InvoiceDetailSchema(InvoiceSummarySchema):
    """An invoice with its lines."""

    subscriptions = fields.List(fields.Nested(BilledSubscriptionSchema), required=True)

    fees = fields.List(fields.Nested(FeeSchema), required=True)
    credits: fields.Constant[Any] = fields.Constant([])
    error_details: fields.Constant[Any] = fields.Constant([])


class InvoicesAnswerSchema(Schema):
    """200 of a list of invoices."""

    invoices = fields.List(fields.Nested(InvoiceSummarySchema), required=True)
    meta = fields.Nested(MetaSchema, required=True)


class InvoiceAnswerSchema(Schema):
    """200 of a look at an invoice."""

    invoice = fields.Nested(InvoiceDetailSchema, required=True)
