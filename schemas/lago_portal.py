"""Ways into Odoo's portal, as Lago's clients read them."""

from marshmallow import Schema, fields


class PortalSchema(Schema):
    """Where a customer finds their invoices."""

    portal_url = fields.String(required=True)


class PortalAnswerSchema(Schema):
    """200 of the portal's address."""

    customer = fields.Nested(PortalSchema, required=True)


class PaymentDetailsSchema(Schema):
    """Where an invoice is paid. Whoever has the address sees the invoice."""

    lago_customer_id = fields.UUID(required=True, allow_none=True)
    lago_invoice_id = fields.UUID(required=True)
    external_customer_id = fields.String(required=True, allow_none=True)
    payment_provider = fields.Constant("odoo")
    payment_url = fields.String(required=True)


class PaymentAnswerSchema(Schema):
    """200 of an invoice's payment address."""

    invoice_payment_details = fields.Nested(PaymentDetailsSchema, required=True)
