"""``GET /invoices``, ``/invoices/{lago_id}`` and ``/customers/{id}/invoices``."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from flask import Response, jsonify

from ingest_api.api import current_api
from ingest_api.auth import require_principal
from ingest_api.errors import not_found
from ingest_api.lago.file_url import file_url
from ingest_api.lago.wrapped import PageQuerySchema, page_of, read_query
from ingest_api.path_ids import find_no_odd_text
from ingest_api.reads import page_meta
from ingest_api.route import Route
from ledger.billed_names import BilledNames, read_names
from ledger.customers import find_customer
from ledger.db import Connection
from ledger.documents import DocumentState, find_document
from ledger.invoice_object import invoice_object, invoice_summary
from ledger.invoice_reads import (
    InvoiceFilter,
    InvoicePage,
    find_invoice,
    list_invoices,
)
from schemas.lago_invoices import (
    INVOICE_TYPE,
    STATUSES,
    InvoiceAnswerSchema,
    InvoiceQueryFields,
    InvoicesAnswerSchema,
)

UNKNOWN_INVOICE: Final = "invoice_not_found"
_ERRORS: Final = (401, 404, 422, 429, 503)


class InvoiceQuerySchema(PageQuerySchema, InvoiceQueryFields):
    """The query of a list of invoices."""


_QUERY: Final = InvoiceQuerySchema()
_ONE: Final = InvoiceAnswerSchema()
_MANY: Final = InvoicesAnswerSchema()


def list_all_invoices() -> Response:
    """The service's invoices, newest first."""
    service_id = require_principal().service_id
    return _list(service_id, read_query(_QUERY), None)


def list_customers_invoices(external_id: str) -> Response:
    """The invoices of one customer, newest first."""
    service_id = require_principal().service_id
    find_no_odd_text(external_id, "customer_not_found")
    return _list(service_id, read_query(_QUERY), external_id)


def show_invoice(lago_id: str) -> Response:
    """One invoice with its lines."""
    service_id = require_principal().service_id
    return answer_invoice(service_id, read_id(lago_id, UNKNOWN_INVOICE))


def answer_invoice(service_id: int, public_id: UUID) -> Response:
    """The service's invoice with its lines, and where its PDF is, if it is there.

    Raises ApiError 404.
    """
    now = datetime.now(UTC)

    def read(conn: Connection) -> tuple[dict[str, Any], DocumentState | None] | None:
        stored = find_invoice(conn, service_id, public_id)
        if stored is None:
            return None
        names = read_names(conn, service_id, [stored.invoice])
        document = find_document(conn, service_id, public_id)
        return invoice_object(stored, names, now), document

    found = current_api().query(read)
    if found is None:
        raise not_found(UNKNOWN_INVOICE)
    invoice, document = found
    url = file_url(service_id, public_id, document, now)
    return jsonify(_ONE.dump({"invoice": {**invoice, "file_url": url}}))


def read_id(text: str, code: str) -> UUID:
    """A public id of a path. Raises ApiError 404 with the code for what is none."""
    try:
        return UUID(text)
    except ValueError as error:
        raise not_found(code) from error


def _list(service_id: int, values: Mapping[str, Any], customer: str | None) -> Response:
    page, now = page_of(values), datetime.now(UTC)
    wanted = _wanted(values)
    if customer is not None:
        wanted = replace(wanted, customer=customer)

    def read(conn: Connection) -> tuple[InvoicePage, BilledNames] | None:
        if customer is not None and find_customer(conn, service_id, customer) is None:
            return None
        found = list_invoices(
            conn, service_id, now, wanted, limit=page.size, offset=page.offset
        )
        invoices = [stored.invoice for stored in found.invoices]
        return found, read_names(conn, service_id, invoices)

    answer = current_api().query(read)
    if answer is None:
        raise not_found("customer_not_found")
    found, names = answer
    meta = page_meta(page.number, page.size, found.total)
    invoices = [invoice_summary(stored, names, now) for stored in found.invoices]
    return jsonify(_MANY.dump({"invoices": invoices, "meta": meta}))


def _wanted(values: Mapping[str, Any]) -> InvoiceFilter:
    states = _states({*values.get("status", ()), *values.get("statuses", ())})
    paid = {*values.get("payment_status", ()), *values.get("payment_statuses", ())}
    types = {*values.get("invoice_type", ()), *values.get("invoice_types", ())}
    if (
        paid == {"failed"}
        or (types and INVOICE_TYPE not in types)
        or values.get("self_billed")
        or values.get("payment_dispute_lost")
    ):
        states = ()  # there is no such invoice
    both = {"succeeded", "pending"} <= paid
    currency = values.get("currency")
    return InvoiceFilter(
        customer=values.get("external_customer_id"),
        states=states,
        paid="succeeded" in paid if paid and not both else None,
        partly_paid=values.get("partially_paid"),
        overdue=values.get("payment_overdue"),
        date_from=values.get("issuing_date_from"),
        date_to=values.get("issuing_date_to"),
        currency=currency.upper() if currency else None,
        number=values.get("number"),
        cents_from=values.get("amount_from"),
        cents_to=values.get("amount_to"),
        search=values.get("search_term"),
    )


def _states(statuses: set[str]) -> tuple[str, ...] | None:
    if not statuses:
        return None
    return tuple(state for state, status in STATUSES.items() if status in statuses)


ROUTES: Final = (
    Route(
        method="GET",
        path="/customers/<path:external_id>/invoices",
        name="list_customers_invoices",
        view=list_customers_invoices,
        summary="A customer's invoices as Odoo has them, newest first",
        answers={200: InvoicesAnswerSchema},
        errors=_ERRORS,
        query=InvoiceQuerySchema,
    ),
    Route(
        method="GET",
        path="/invoices",
        name="list_invoices",
        view=list_all_invoices,
        summary="Invoices as Odoo has them, newest first",
        answers={200: InvoicesAnswerSchema},
        errors=(401, 422, 429, 503),
        query=InvoiceQuerySchema,
    ),
    Route(
        method="GET",
        path="/invoices/<lago_id>",
        name="show_invoice",
        view=show_invoice,
        summary="An invoice with its lines",
        answers={200: InvoiceAnswerSchema},
        errors=(401, 404, 429, 503),
    ),
)
