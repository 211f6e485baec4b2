"""Invoices and credit notes as an app asks for them; Odoo has made them."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from ledger.db import Connection
from ledger.invoices import read_line, read_tax
from ledger.money import UNUSUAL_PLACES
from ledger.queries import load_queries
from schemas.odoo_invoices import PAID_STATES, Invoice

INVOICE: Final = "out_invoice"
CREDIT_NOTE: Final = "out_refund"

_SQL = load_queries("invoice_reads")
_COLUMNS = tuple(field.name for field in fields(Invoice) if field.name != "public_id")


@dataclass(frozen=True)
class StoredInvoice:
    """An invoice in the ledger: its public id, and Odoo's."""

    id: UUID
    odoo_id: int
    updated_at: datetime
    invoice: Invoice


@dataclass(frozen=True)
class InvoicePage:
    """Some invoices, and how many there are in all."""

    invoices: tuple[StoredInvoice, ...]
    total: int


@dataclass(frozen=True)
class InvoiceFilter:
    """Which invoices are wanted; None leaves a question open.

    ``customer``: external id. ``cents_from`` and ``cents_to``: of the total, in the
    smallest unit of its currency. ``search``: part of a number, an id, or of a
    customer's id, name or e-mail address. Of credit notes: ``of_number``, the invoice's
    that they are for, ``refunded``, whether money went back, and ``credit_statuses``,
    of available, consumed and voided.
    """

    customer: str | None = None
    states: Collection[str] | None = None
    paid: bool | None = None
    partly_paid: bool | None = None
    overdue: bool | None = None
    date_from: date | None = None
    date_to: date | None = None
    currency: str | None = None
    number: str | None = None
    cents_from: int | None = None
    cents_to: int | None = None
    search: str | None = None
    of_number: str | None = None
    refunded: bool | None = None
    credit_statuses: Collection[str] | None = None


EVERYTHING: Final = InvoiceFilter()


def find_invoice(
    conn: Connection, service_id: int, public_id: UUID, move_type: str = INVOICE
) -> StoredInvoice | None:
    """The service's invoice of that id; None where there is none, or no longer."""
    values = {
        "service_id": service_id,
        "public_id": public_id,
        "move_type": move_type,
    }
    row = conn.execute(_SQL["find_invoice"], values).fetchone()
    return None if row is None else _stored(row)


def list_invoices(
    conn: Connection,
    service_id: int,
    now: datetime,
    wanted: InvoiceFilter = EVERYTHING,
    *,
    move_type: str = INVOICE,
    limit: int = 20,
    offset: int = 0,
) -> InvoicePage:
    """The service's invoices that are wanted, newest first.

    Those that Odoo has deleted are left out, and drafts that were cancelled.
    """
    today: dict[str, str] = {}
    if wanted.overdue is not None:
        found = conn.execute(_SQL["list_timezones"], {"service_id": service_id})
        today = {zone: str(day_in(zone, now)) for (zone,) in found}
    values = {
        **wanted.__dict__,
        "service_id": service_id,
        "move_type": move_type,
        "states": _listed(wanted.states),
        "credit_statuses": _listed(wanted.credit_statuses),
        "today": json.dumps(today),
        "places": json.dumps(UNUSUAL_PLACES),
        "pattern": None if wanted.search is None else _containing(wanted.search),
        "limit": limit,
        "offset": offset,
    }
    rows = conn.execute(_SQL["list_invoices"], values).fetchall()
    invoices = tuple(_stored(row[1:]) for row in rows if row[1] is not None)
    return InvoicePage(invoices, rows[0][0])


def is_overdue(invoice: Invoice, now: datetime) -> bool:
    """Posted, not paid, and its day is over where the company is."""
    return (
        invoice.state == "posted"
        and invoice.payment_state not in (*PAID_STATES, None)
        and invoice.due_date is not None
        and invoice.due_date < day_in(invoice.timezone, now)
    )


def day_in(timezone: str, now: datetime) -> date:
    """The day that it is there."""
    return now.astimezone(ZoneInfo(timezone)).date()


def _listed(words: Collection[str] | None) -> list[str] | None:
    return None if words is None else list(words)


def _containing(text: str) -> str:
    """A pattern of LIKE for what contains the text."""
    for sign in ("\\", "%", "_"):
        text = text.replace(sign, f"\\{sign}")
    return f"%{text}%"


def _stored(row: Sequence[Any]) -> StoredInvoice:
    public_id, odoo_id, updated_at, *columns = row
    values = dict(zip(_COLUMNS, columns, strict=True))
    parts = {
        "public_id": public_id,
        "customers": tuple(values["customers"]),
        "lines": tuple(read_line(line) for line in values["lines"]),
        "taxes": tuple(read_tax(tax) for tax in values["taxes"]),
    }
    invoice = Invoice(**{**values, **parts})
    return StoredInvoice(public_id, odoo_id, updated_at, invoice)
