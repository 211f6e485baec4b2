"""Credit notes as Lago's clients ask for them, and read them."""

from typing import Any, Final

from marshmallow import Schema, fields

from schemas.answers import MetaSchema
from schemas.lago_customers import CustomerSchema
from schemas.lago_fees import FeeSchema, optional
from schemas.lago_invoices import (
    AppliedTaxSchema,
    QueryText,
    cents_field,
    currency_field,
    flag_field,
    one_of_field,
)
from schemas.lago_values import Instant, Rate

CREDIT_STATUSES: Final = ("available", "consumed", "voided")
REFUND_STATUSES: Final = ("pending", "succeeded", "failed")
REASON: Final = "other"
OTHER_REASONS: Final = (
    "duplicated_charge",
    "product_unsatisfactory",
    "order_change",
    "order_cancellation",
    "fraudulent_charge",
)


class CreditNoteQueryFields(Schema):
    """By what credit notes are chosen; a list's names may have ``[]`` behind them."""

    external_customer_id = QueryText()
    credit_status = fields.List(one_of_field(*CREDIT_STATUSES))
    refund_status = fields.List(one_of_field(*REFUND_STATUSES))
    reason = fields.List(one_of_field(REASON, *OTHER_REASONS))
    issuing_date_from = fields.Date()
    issuing_date_to = fields.Date()
    currency = currency_field()
    invoice_number = QueryText()
    search_term = QueryText()
    self_billed = flag_field()
    amount_from = cents_field()
    amount_to = cents_field()


class CreditNoteItemSchema(Schema):
    """A line of a credit note."""

    lago_id = fields.UUID(required=True)
    amount_cents = fields.Integer(required=True)
    amount_currency = fields.String(required=True)
    fee = fields.Nested(FeeSchema, required=True)


class CreditNoteTaxSchema(AppliedTaxSchema):
    """What a tax comes to on a credit note."""

    class Meta:
        """Of an invoice's, without what is an invoice's."""

        exclude = ("lago_invoice_id", "fees_amount_cents")

    lago_credit_note_id = fields.UUID(required=True)
    base_amount_cents = optional(fields.Integer)


class CreditNoteSchema(Schema):
    """A credit note. Its total is what is left of it (``credit``), what was paid back
    (``refund``) and what settled invoices (``offset``)."""

    lago_id = fields.UUID(required=True)
    number = fields.String(required=True)
    lago_invoice_id = optional(fields.UUID)
    invoice_number = optional(fields.String)
    issuing_date = optional(fields.Date)
    credit_status = fields.String(required=True)
    refund_status = optional(fields.String)
    reason = fields.Constant(REASON)
    description = fields.Constant(None)
    currency = fields.String(required=True)
    total_amount_cents = fields.Integer(required=True)
    credit_amount_cents = fields.Integer(required=True)
    balance_amount_cents = fields.Integer(required=True)
    refund_amount_cents = fields.Integer(required=True)
    offset_amount_cents = fields.Integer(required=True)
    taxes_amount_cents = fields.Integer(required=True)
    taxes_rate = Rate(required=True)
    sub_total_excluding_taxes_amount_cents = fields.Integer(required=True)
    coupons_adjustment_amount_cents = fields.Constant(0)
    file_url = fields.Constant(None)
    self_billed = fields.Constant(False)
    created_at = optional(Instant)
    updated_at = Instant(required=True)
    items = fields.List(fields.Nested(CreditNoteItemSchema), required=True)
    applied_taxes = fields.List(fields.Nested(CreditNoteTaxSchema), required=True)
    customer = fields.Nested(CustomerSchema, required=True, allow_none=True)
    metadata: fields.Constant[Any] = fields.Constant({})


class CreditNotesAnswerSchema(Schema):
    """200 of a list of credit notes."""

    credit_notes = fields.List(fields.Nested(CreditNoteSchema), required=True)
    meta = fields.Nested(MetaSchema, required=True)


class CreditNoteAnswerSchema(Schema):
    """200 of a look at a credit note."""

    credit_note = fields.Nested(CreditNoteSchema, required=True)
