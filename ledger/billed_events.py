"""Events of invoices and credit notes, completed to what their endpoints show.

Odoo tells the bill as it is when it changes, with its row; the catalog's names and ids
are the ledger's. So an app reads a webhook's invoice as it reads an answer's, lines
included.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog
from marshmallow import Schema, ValidationError
from psycopg.errors import UniqueViolation

from ledger.billed_names import BilledNames, read_names
from ledger.credit_note_object import credit_note_object
from ledger.db import Connection
from ledger.invoice_object import invoice_object
from ledger.invoice_reads import StoredInvoice
from ledger.invoices import add_invoice
from schemas.lago_credit_notes import CreditNoteSchema
from schemas.lago_invoices import InvoiceDetailSchema
from schemas.odoo_events import EventRow
from schemas.odoo_invoices import Invoice
from schemas.odoo_rows import read_row

_SCHEMAS: Final[Mapping[str, Schema]] = {
    "invoice": InvoiceDetailSchema(),
    "credit_note": CreditNoteSchema(),
}

log = structlog.get_logger(__name__)


def complete_event(
    conn: Connection, service_id: int, event: EventRow, now: datetime
) -> Mapping[str, Any]:
    """What the app is told: ``{object: {...}}``.

    What Odoo itself tells stays as it is. A row that an older addon does not send, or
    that makes no sense, completes nothing: a bill is told all the same.
    """
    name, told = next(iter(event.data.items()))
    if event.row is None or name not in _SCHEMAS:
        return event.data
    try:
        _, invoice = read_row("invoice", {**event.row, "service": event.service})
    except ValidationError as error:
        log.warning("event_row_refused", key=event.key, reason=str(error.messages))
        return event.data
    assert isinstance(invoice, Invoice)  # noqa: S101 - that is the kind's schema
    _keep_new(conn, event, invoice)
    names = read_names(conn, service_id, [invoice])
    stored = StoredInvoice(UUID(told["lago_id"]), 0, event.created_at, invoice)
    return {name: _merge(_SCHEMAS[name].dump(_object(name, stored, names, now)), told)}


def _keep_new(conn: Connection, event: EventRow, invoice: Invoice) -> None:
    """Have what is told as new there before the pull brings it, for who then asks.

    One that is there is newer, or as old: the pull alone changes it. Nor is one kept
    that is not all the service's.
    """
    odoo_id, service = event.row and event.row.get("id"), event.service
    new = event.type in ("invoice.created", "credit_note.created")
    if new and type(odoo_id) is int and event.row and event.row["service"] == service:
        # Another with the same public id is of a life of Odoo's that has ended.
        with suppress(UniqueViolation), conn.transaction():
            add_invoice(conn, service, odoo_id, invoice)


def _object(
    name: str, stored: StoredInvoice, names: BilledNames, now: datetime
) -> dict[str, Any]:
    if name == "credit_note":
        return credit_note_object(stored, names)
    return invoice_object(stored, names, now)


def _merge(completed: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Both, where they meet what Odoo told; of the customer all that is known."""
    known = completed["customer"] or {}
    customer = told["customer"]
    if known.get("external_id") == customer["external_id"]:
        customer = {**known, **customer}
    known_subscriptions = {
        entry["external_id"]: entry for entry in completed.get("subscriptions", ())
    }
    subscriptions = [
        {**known_subscriptions.get(entry["external_id"], {}), **entry}
        for entry in told["subscriptions"]
    ]
    more = {"customer": customer, "subscriptions": subscriptions}
    return {**completed, **told, **more}
