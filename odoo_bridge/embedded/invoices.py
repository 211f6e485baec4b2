"""Odoo's invoices, cut to what ``close_period`` makes, before taxes."""

from odoo_bridge.embedded.models import Field, choice, link, model

MOVE = model(
    "account.move",
    "Journal Entry",
    {
        "name": Field("char", "Number"),
        "move_type": choice("Type", "out_invoice", "out_refund"),
        "state": choice("Status", "draft", "posted", "cancel", default="draft"),
        "payment_state": choice(
            "Payment Status",
            "not_paid",
            "in_payment",
            "paid",
            "partial",
            "reversed",
            default="not_paid",
        ),
        "invoice_date": Field("date", "Invoice Date"),
        "invoice_date_due": Field("date", "Due Date"),
        "posted_before": Field("boolean", "Posted Before", readonly=True),
        "access_token": Field("char", "Security Token"),
        "reversed_entry_id": link("Reversal Of", "account.move"),
        "partner_id": link("Partner", "res.partner"),
        "invoice_origin": Field("char", "Origin"),
        "amount_untaxed": Field("float", "Untaxed Amount", readonly=True),
        "x_fc_service_id": link("Billing Service", "fusion.billing.service"),
        "x_fc_client_id": link("Billing Client", "res.partner"),
        "x_fc_period_start": Field("datetime", "Usage From"),
        "x_fc_period_end": Field("datetime", "Usage To"),
    },
    constraints={
        "account_move_x_fc_period_uniq": (
            "A client has one invoice per service and period."
        ),
    },
)

LINE = model(
    "account.move.line",
    "Journal Item",
    {
        "move_id": link("Journal Entry", "account.move", required=True),
        "name": Field("char", "Label"),
        "quantity": Field("float", "Quantity"),
        "price_unit": Field("float", "Unit Price"),
        "x_fc_usage_id": link("Usage", "fusion.billing.usage"),
    },
)
