"""Odoo's credit notes in the shape that Lago's clients read; values are typed."""

from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final
from uuid import uuid5

from ledger.billed_names import BilledNames
from ledger.invoice_fees import Fee, fees_of
from ledger.invoice_object import applied_taxes, first_customer, shown_number
from ledger.invoice_reads import StoredInvoice
from ledger.money import to_cents
from schemas.odoo_invoices import Invoice

_RATE: Final = Context(prec=60, rounding=ROUND_HALF_UP)
_RATE_STEP: Final = Decimal("0.01")


def credit_note_object(stored: StoredInvoice, names: BilledNames) -> dict[str, Any]:
    """A credit note, as CreditNoteSchema takes it."""
    invoice = stored.invoice
    total, balance, offset, untaxed = (
        to_cents(amount, invoice.currency)
        for amount in (
            invoice.total,
            invoice.residual,
            invoice.settled,
            invoice.untaxed,
        )
    )
    refund = total - balance - offset
    fees = fees_of(invoice, stored.id, names)
    taxes = applied_taxes(stored)
    return {
        "lago_id": stored.id,
        "number": shown_number(invoice),
        "lago_invoice_id": invoice.reversed_id,
        "invoice_number": invoice.reversed_number,
        "issuing_date": invoice.invoice_date,
        "credit_status": _credit_status(invoice),
        "refund_status": "succeeded" if refund else None,
        "currency": invoice.currency,
        "total_amount_cents": total,
        "credit_amount_cents": balance,
        "balance_amount_cents": balance,
        "refund_amount_cents": refund,
        "offset_amount_cents": offset,
        "taxes_amount_cents": to_cents(invoice.tax, invoice.currency),
        "taxes_rate": _taxes_rate(invoice),
        "sub_total_excluding_taxes_amount_cents": untaxed,
        "created_at": invoice.created_at,
        "updated_at": stored.updated_at,
        "items": [_item(fee) for fee in fees],
        "applied_taxes": [
            {**tax, "lago_credit_note_id": stored.id, "base_amount_cents": None}
            for tax in taxes
        ],
        "customer": first_customer(invoice, names),
    }


def _item(fee: Fee) -> dict[str, Any]:
    return {
        "lago_id": uuid5(fee.lago_id, "credited"),
        "amount_cents": fee.amount_cents,
        "amount_currency": fee.currency,
        "fee": fee,
    }


def _credit_status(invoice: Invoice) -> str:
    if invoice.state == "cancel":
        return "voided"
    return "available" if invoice.residual else "consumed"


def _taxes_rate(invoice: Invoice) -> Decimal:
    """In percent: that of all lines, or what it comes to over lines that differ."""
    rates = {line.tax_rate for line in invoice.lines}
    if len(rates) == 1 and None not in rates:
        return rates.pop() or Decimal(0)
    if not invoice.untaxed:
        return Decimal(0)
    percent = _RATE.divide(_RATE.multiply(invoice.tax, Decimal(100)), invoice.untaxed)
    return percent.quantize(_RATE_STEP, context=_RATE)
