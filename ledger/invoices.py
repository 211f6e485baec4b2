"""Invoices as pulled from Odoo, which bills; the ledger only shows them."""

import json
from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from ledger.catalog import CatalogRowUnknown
from ledger.db import Connection
from ledger.queries import load_queries
from schemas.odoo_invoices import Invoice, InvoiceLine

_SQL = load_queries("invoices")
_COLUMNS = tuple(field.name for field in fields(Invoice))


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


def upsert_invoice(
    conn: Connection, service: str, odoo_id: int, invoice: Invoice
) -> None:
    """Write an invoice of a service, by its code; again writes nothing.

    Its customers need not be known: it is shown to them as soon as they are. Raises
    CatalogRowUnknown when the service is not known.
    """
    values = {
        **invoice.__dict__,
        "service": service,
        "odoo_id": odoo_id,
        "customers": list(invoice.customers),
        "lines": json.dumps([_plain_line(line) for line in invoice.lines]),
    }
    if conn.execute(_SQL["upsert_invoice"], values).fetchone() is None:
        raise CatalogRowUnknown(f"service {service} is not known")


def find_invoice(
    conn: Connection, service_id: int, public_id: UUID
) -> StoredInvoice | None:
    """The service's invoice of that id; None where there is none, or no longer."""
    values = {"service_id": service_id, "public_id": public_id}
    row = conn.execute(_SQL["find_invoice"], values).fetchone()
    return None if row is None else _stored(row)


def list_invoices(
    conn: Connection,
    service_id: int,
    *,
    customer: str | None = None,
    states: Collection[str] | None = None,
    limit: int = 20,
    offset: int = 0,
) -> InvoicePage:
    """The service's invoices, newest first; of one customer, by external id.

    Those that Odoo has deleted are left out, and with ``states`` those in others.
    """
    values = {
        "service_id": service_id,
        "customer": customer,
        "states": None if states is None else list(states),
        "limit": limit,
        "offset": offset,
    }
    found = conn.execute(_SQL["list_invoices"], values).fetchall()
    total = conn.execute(_SQL["count_invoices"], values).fetchone()
    assert total is not None  # noqa: S101 - a count answers one row
    return InvoicePage(tuple(_stored(row) for row in found), total[0])


def _stored(row: tuple[Any, ...]) -> StoredInvoice:
    public_id, odoo_id, updated_at, *columns = row
    values = dict(zip(_COLUMNS, columns, strict=True))
    lines = tuple(_read_line(line) for line in values["lines"])
    invoice = {**values, "customers": tuple(values["customers"]), "lines": lines}
    return StoredInvoice(public_id, odoo_id, updated_at, Invoice(**invoice))


def _plain_line(line: InvoiceLine) -> dict[str, str | None]:
    return {name: _text(value) for name, value in line.__dict__.items()}


def _text(value: str | Decimal | datetime | None) -> str | None:
    if isinstance(value, datetime):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else value


def _read_line(line: dict[str, Any]) -> InvoiceLine:
    instants = {
        name: None if line[name] is None else datetime.fromisoformat(line[name])
        for name in ("period_start", "period_end", "correction_of")
    }
    numbers = {name: Decimal(line[name]) for name in ("quantity", "amount")}
    return InvoiceLine(**{**line, **numbers, **instants})
