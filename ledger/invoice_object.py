"""Odoo's invoices in the shape that Lago's clients read, in answers and webhooks.

Values are still typed: schemas/lago_invoices.py writes them down.
"""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import uuid5

from ledger.billed_names import BilledNames
from ledger.customer_object import customer_object
from ledger.invoice_fees import fees_of, payment_status
from ledger.invoice_reads import StoredInvoice, is_overdue
from ledger.money import to_cents
from schemas.lago_invoices import STATUSES
from schemas.odoo_invoices import Invoice, InvoiceTax

DRAFT_NUMBER: Final = "DRAFT"
"""Lago's clients want a text where Odoo has no number yet."""


def invoice_object(
    stored: StoredInvoice, names: BilledNames, now: datetime
) -> dict[str, Any]:
    """An invoice with its lines, as InvoiceDetailSchema takes it."""
    return {
        **invoice_summary(stored, names, now),
        "subscriptions": subscriptions_of(stored.invoice, names),
        "fees": fees_of(stored.invoice, stored.id, names),
    }


def invoice_summary(
    stored: StoredInvoice, names: BilledNames, now: datetime
) -> dict[str, Any]:
    """An invoice in a list, as InvoiceSummarySchema takes it."""
    invoice = stored.invoice

    def cents(amount: Decimal) -> int:
        return to_cents(amount, invoice.currency)

    untaxed, total, due = (
        cents(amount) for amount in (invoice.untaxed, invoice.total, invoice.residual)
    )
    settled = cents(invoice.settled)
    return {
        "lago_id": stored.id,
        "number": shown_number(invoice),
        "issuing_date": invoice.invoice_date,
        "payment_due_date": invoice.due_date,
        "payment_overdue": is_overdue(invoice, now),
        "net_payment_term": _term_days(invoice),
        "status": STATUSES[invoice.state],
        "payment_status": payment_status(invoice),
        "payment_state": invoice.payment_state,
        "currency": invoice.currency,
        "fees_amount_cents": untaxed,
        "sub_total_excluding_taxes_amount_cents": untaxed,
        "taxes_amount_cents": cents(invoice.tax),
        "sub_total_including_taxes_amount_cents": total,
        "total_amount_cents": total,
        "total_paid_amount_cents": total - due - settled,
        "total_offsetted_credit_note_amount_cents": settled,
        "total_due_amount_cents": due,
        "file_url": None,
        "created_at": invoice.created_at,
        "updated_at": stored.updated_at,
        "customer": first_customer(invoice, names),
        "applied_taxes": applied_taxes(stored),
    }


def shown_number(invoice: Invoice) -> str:
    """Its number; of a draft that never was more, what Odoo may have is no promise."""
    posted = invoice.state == "posted" or invoice.posted_before
    return (invoice.number or DRAFT_NUMBER) if posted else DRAFT_NUMBER


def applied_taxes(stored: StoredInvoice) -> list[dict[str, Any]]:
    """What each tax comes to, over all lines."""
    invoice = stored.invoice
    return [
        {
            "lago_id": uuid5(stored.id, f"tax {tax.id}"),
            "lago_invoice_id": stored.id,
            "tax_name": tax.name,
            "tax_code": _tax_code(tax),
            "tax_rate": tax.rate,
            "amount_cents": to_cents(tax.amount, invoice.currency),
            "amount_currency": invoice.currency,
            "fees_amount_cents": None,
            "created_at": invoice.created_at,
        }
        for tax in invoice.taxes
    ]


def first_customer(invoice: Invoice, names: BilledNames) -> dict[str, Any] | None:
    """Of an invoice's customers, who are one client, the first that is known."""
    known = (names.customers.get(key) for key in invoice.customers)
    return next((customer_object(customer) for customer in known if customer), None)


def subscriptions_of(invoice: Invoice, names: BilledNames) -> list[dict[str, Any]]:
    """The subscriptions on it that are known, each once, in the order of its lines."""
    billed = dict.fromkeys(line.subscription for line in invoice.lines)
    return [
        {
            "lago_id": known.id,
            "external_id": external_id,
            "lago_customer_id": known.customer_id,
            "external_customer_id": known.customer,
            "plan_code": known.plan_code,
        }
        for external_id in billed
        if external_id and (known := names.subscriptions.get(external_id))
    ]


def _term_days(invoice: Invoice) -> int:
    if invoice.invoice_date is None or invoice.due_date is None:
        return 0
    return max(0, (invoice.due_date - invoice.invoice_date).days)


def _tax_code(tax: InvoiceTax) -> str:
    words = re.sub(r"[^a-z0-9]+", "_", tax.name.lower()).strip("_")
    return words or f"tax_{tax.id}"
