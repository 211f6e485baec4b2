"""``GET /credit_notes``, ``/credit_notes/{lago_id}`` and a customer's own.

They are made in Odoo, where a person credits an invoice. A draft is not shown: until it
is posted it credits nothing.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from flask import Response, jsonify

from ingest_api.api import current_api
from ingest_api.auth import require_principal
from ingest_api.errors import not_found
from ingest_api.lago.invoices import read_id
from ingest_api.lago.wrapped import PageQuerySchema, page_of, read_query
from ingest_api.path_ids import find_no_odd_text
from ingest_api.reads import page_meta
from ingest_api.route import Route
from ledger.billed_names import BilledNames, read_names
from ledger.credit_note_object import credit_note_object
from ledger.customers import find_customer
from ledger.db import Connection
from ledger.invoice_reads import (
    CREDIT_NOTE,
    InvoiceFilter,
    InvoicePage,
    StoredInvoice,
    find_invoice,
    list_invoices,
)
from schemas.lago_credit_notes import (
    REASON,
    CreditNoteAnswerSchema,
    CreditNoteQueryFields,
    CreditNotesAnswerSchema,
)

UNKNOWN: Final = "credit_note_not_found"
SHOWN: Final = ("posted", "cancel")


class CreditNoteQuerySchema(PageQuerySchema, CreditNoteQueryFields):
    """The query of a list of credit notes."""


_QUERY: Final = CreditNoteQuerySchema()
_ONE: Final = CreditNoteAnswerSchema()
_MANY: Final = CreditNotesAnswerSchema()


def list_all_credit_notes() -> Response:
    """The service's credit notes, newest first."""
    service_id = require_principal().service_id
    values = read_query(_QUERY)
    return _list(service_id, values, values.get("external_customer_id"), known=False)


def list_customers_credit_notes(external_id: str) -> Response:
    """The credit notes of one customer, newest first."""
    service_id = require_principal().service_id
    find_no_odd_text(external_id, "customer_not_found")
    return _list(service_id, read_query(_QUERY), external_id, known=True)


def show_credit_note(lago_id: str) -> Response:
    """One credit note with its lines."""
    service_id = require_principal().service_id
    public_id = read_id(lago_id, UNKNOWN)

    def read(conn: Connection) -> tuple[StoredInvoice, BilledNames] | None:
        stored = find_invoice(conn, service_id, public_id, CREDIT_NOTE)
        if stored is None or stored.invoice.state not in SHOWN:
            return None
        return stored, read_names(conn, service_id, [stored.invoice])

    found = current_api().query(read)
    if found is None:
        raise not_found(UNKNOWN)
    return jsonify(_ONE.dump({"credit_note": credit_note_object(*found)}))


def _list(
    service_id: int, values: Mapping[str, Any], customer: str | None, *, known: bool
) -> Response:
    """``known``: 404 where the service has no such customer."""
    page, now = page_of(values), datetime.now(UTC)
    wanted = _wanted(values, customer)

    def read(conn: Connection) -> tuple[InvoicePage, BilledNames] | None:
        if known and find_customer(conn, service_id, customer or "") is None:
            return None
        found = list_invoices(
            conn,
            service_id,
            now,
            wanted,
            move_type=CREDIT_NOTE,
            limit=page.size,
            offset=page.offset,
        )
        invoices = [stored.invoice for stored in found.invoices]
        return found, read_names(conn, service_id, invoices)

    answer = current_api().query(read)
    if answer is None:
        raise not_found("customer_not_found")
    found, names = answer
    meta = page_meta(page.number, page.size, found.total)
    notes = [credit_note_object(stored, names) for stored in found.invoices]
    return jsonify(_MANY.dump({"credit_notes": notes, "meta": meta}))


def _wanted(values: Mapping[str, Any], customer: str | None) -> InvoiceFilter:
    reasons, refunds = values.get("reason"), values.get("refund_status")
    none = (
        (reasons and REASON not in reasons)
        or (refunds and "succeeded" not in refunds)
        or values.get("self_billed")
    )
    currency = values.get("currency")
    return InvoiceFilter(
        customer=customer,
        states=() if none else SHOWN,
        refunded=True if refunds else None,
        date_from=values.get("issuing_date_from"),
        date_to=values.get("issuing_date_to"),
        currency=currency.upper() if currency else None,
        cents_from=values.get("amount_from"),
        cents_to=values.get("amount_to"),
        search=values.get("search_term"),
        of_number=values.get("invoice_number"),
        credit_statuses=values.get("credit_status"),
    )


_SUMMARY: Final = "Credit notes as Odoo has them, newest first"

ROUTES: Final = (
    Route(
        method="GET",
        path="/credit_notes",
        name="list_credit_notes",
        view=list_all_credit_notes,
        summary=_SUMMARY,
        answers={200: CreditNotesAnswerSchema},
        errors=(401, 422, 429, 503),
        query=CreditNoteQuerySchema,
    ),
    Route(
        method="GET",
        path="/credit_notes/<lago_id>",
        name="show_credit_note",
        view=show_credit_note,
        summary="A credit note with its lines",
        answers={200: CreditNoteAnswerSchema},
        errors=(401, 404, 429, 503),
    ),
    Route(
        method="GET",
        path="/customers/<path:external_id>/credit_notes",
        name="list_customers_credit_notes",
        view=list_customers_credit_notes,
        summary=f"{_SUMMARY}, of one customer",
        answers={200: CreditNotesAnswerSchema},
        errors=(401, 404, 422, 429, 503),
        query=CreditNoteQuerySchema,
    ),
)
