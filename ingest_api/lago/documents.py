"""``POST /invoices/{id}/download``, and the PDF behind the link that it answers."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from flask import Response, request

from ingest_api.api import current_api
from ingest_api.auth import require_principal
from ingest_api.errors import ApiError, not_found
from ingest_api.lago.document_links import read_link
from ingest_api.lago.invoices import UNKNOWN_INVOICE, answer_invoice, read_id
from ingest_api.route import Route
from ledger.db import Connection
from ledger.documents import (
    DocumentState,
    ask_for_document,
    find_document,
    read_content,
)
from schemas.lago_invoices import InvoiceAnswerSchema
from schemas.messages import FETCH_DOCUMENTS

UNKNOWN: Final = "document_not_found"
FAULT_SHOWN: Final = timedelta(minutes=1)
"""How long a fault is answered before it is tried again."""

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.-]+")


def download_invoice(lago_id: str) -> Response:
    """The invoice with a link to its PDF; an empty body until that is there."""
    service_id = require_principal().service_id
    public_id = read_id(lago_id, UNKNOWN_INVOICE)
    api, now = current_api(), datetime.now(UTC)
    asked = False

    def ask(conn: Connection) -> DocumentState | None:
        nonlocal asked
        state = find_document(conn, service_id, public_id)
        if state and not (state.draft or state.current or _failed(state, now)):
            asked = ask_for_document(conn, state.invoice_id, now)
        return state

    state = api.query(ask)
    if state is None:
        raise not_found(UNKNOWN_INVOICE)
    if state.draft:
        raise ApiError(
            405, code="is_draft", message="a draft has no PDF; it may change"
        )
    if state.current:
        return answer_invoice(service_id, public_id)
    if _failed(state, now):
        raise _unavailable(state)
    if asked:
        api.publisher.kick(FETCH_DOCUMENTS)
    return Response(status=200, mimetype="application/json")


def show_document(lago_id: str) -> Response:
    """The PDF that a link is for; without a key, since the link is signed."""
    public_id = read_id(lago_id, UNKNOWN)
    api, now = current_api(), datetime.now(UTC)
    link = read_link(api.settings.secret_key, public_id, request.args, now)
    if link is None:
        raise not_found(UNKNOWN)
    found = api.query(
        lambda conn: read_content(conn, link.service_id, public_id, link.shows)
    )
    if found is None:
        raise not_found(UNKNOWN, "the invoice has changed; ask for its PDF again")
    number, content = found
    name = _UNSAFE.sub("_", number).strip("_.") or "invoice"
    headers = {
        "Content-Disposition": f'inline; filename="{name}.pdf"',
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return Response(content, mimetype="application/pdf", headers=headers)


def _failed(state: DocumentState, now: datetime) -> bool:
    return state.failed_at is not None and now - state.failed_at < FAULT_SHOWN


def _unavailable(state: DocumentState) -> ApiError:
    return ApiError(
        503,
        code="document_unavailable",
        message=state.fault,
        headers={"Retry-After": str(int(FAULT_SHOWN.total_seconds()))},
    )


ROUTES: Final = (
    Route(
        method="POST",
        path="/invoices/<lago_id>/download",
        name="download_invoice",
        view=download_invoice,
        summary="An invoice with a link to its PDF; an empty body until that is there",
        answers={200: InvoiceAnswerSchema},
        errors=(401, 404, 405, 429, 503),
    ),
    Route(
        method="GET",
        path="/documents/<lago_id>",
        name="show_document",
        view=show_document,
        summary="The PDF that a file_url names, until it ends",
        answers={200: None},
        errors=(404, 503),
        open=True,
        content_type="application/pdf",
    ),
)
