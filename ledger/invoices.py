"""Invoices as pulled from Odoo, which bills: how the ledger keeps them."""

import json
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from ledger.catalog import CatalogRowUnknown
from ledger.db import Connection
from ledger.queries import load_queries
from schemas.odoo_invoices import Invoice, InvoiceLine, InvoiceTax

_SQL = load_queries("invoices")
_INSTANTS = ("period_start", "period_end", "correction_of")
_NUMBERS = ("quantity", "amount", "units", "tax", "tax_rate", "rate")
_LINE_KEYS = frozenset(field.name for field in fields(InvoiceLine))

Plain = str | int | None


def upsert_invoice(
    conn: Connection, service: str, odoo_id: int, invoice: Invoice
) -> None:
    """Write an invoice of a service, by its code; again writes nothing.

    Its customers need not be known: it is shown to them as soon as they are. Raises
    CatalogRowUnknown when the service is not known.
    """
    _write(conn, service, odoo_id, invoice, only_new=False)


def add_invoice(conn: Connection, service: str, odoo_id: int, invoice: Invoice) -> None:
    """As upsert_invoice, but one that is there stays as it is."""
    _write(conn, service, odoo_id, invoice, only_new=True)


def read_line(plain: dict[str, Any]) -> InvoiceLine:
    """A line as it was kept; what an older one lacks is None."""
    known = {name: value for name, value in plain.items() if name in _LINE_KEYS}
    return InvoiceLine(**_typed(known))


def read_tax(plain: dict[str, Any]) -> InvoiceTax:
    """A tax as it was kept."""
    return InvoiceTax(**_typed(plain))


def _write(
    conn: Connection, service: str, odoo_id: int, invoice: Invoice, *, only_new: bool
) -> None:
    values = {
        **invoice.__dict__,
        "service": service,
        "odoo_id": odoo_id,
        "customers": list(invoice.customers),
        "lines": json.dumps([_plain(line) for line in invoice.lines]),
        "taxes": json.dumps([_plain(tax) for tax in invoice.taxes]),
        "only_new": only_new,
    }
    if conn.execute(_SQL["upsert_invoice"], values).fetchone() is None:
        raise CatalogRowUnknown(f"service {service} is not known")


def _plain(part: InvoiceLine | InvoiceTax) -> dict[str, Plain]:
    return {name: _text(value) for name, value in part.__dict__.items()}


def _text(value: str | int | Decimal | datetime | None) -> Plain:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return value


def _typed(plain: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in plain.items()}


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _INSTANTS:
        return datetime.fromisoformat(value)
    return Decimal(value) if name in _NUMBERS else value
