"""Fetches the PDFs of invoices that apps have asked for, one at a time.

A PDF is kept only if the invoice that Odoo has printed, read in the same transaction,
is the one that the ledger has, in every field: an invoice that has changed since the
last pull, or an Odoo that was restored and has dealt the id to somebody else's, waits
for the next pull. Each is claimed with a lease, so that two bridges do not fetch it
twice, and one that was killed loses none.
"""

import base64
import binascii
from collections import Counter as Tally
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from marshmallow import ValidationError

from ledger.db import transaction
from ledger.documents import (
    MAX_BYTES,
    WantedDocument,
    claim_document,
    fail_document,
    forget_old_documents,
    put_back_document,
    store_document,
)
from ledger.invoice_reads import find_invoice
from odoo_bridge.called import SERVICE
from odoo_bridge.client import OdooClient
from odoo_bridge.errors import (
    OdooError,
    OdooInvalidError,
    OdooMissingError,
    OdooTooLargeError,
)
from odoo_bridge.faults import one_line
from schemas.odoo_invoices import Invoice
from schemas.odoo_rows import read_row

MOST: Final = 20
"""Of one run; the next one, seconds later, goes on."""
PAUSE: Final = timedelta(seconds=15)
"""Before one is tried again that Odoo has other than the ledger, or was away for."""

_REASONS: Final = {
    "gone": "Odoo has not got the invoice any more",
    "no_report_engine": "Odoo cannot print: wkhtmltopdf is missing on its server",
    "too_large": f"the PDF is larger than {MAX_BYTES} bytes",
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class DocumentReport:
    """How many PDFs were stored, could not be had, and were put back for later."""

    stored: int = 0
    failed: int = 0
    put_back: int = 0


class _NoDocument(Exception):
    """There is none; the text is why."""


def fetch_documents(
    client: OdooClient, database_url: str, clock: Callable[[], datetime]
) -> DocumentReport:
    """Fetch what is wanted. Safe to repeat, to be killed, and to run twice at once.

    Raises OdooError, when Odoo takes no calls at all, and psycopg.Error.
    """
    tally: Tally[str] = Tally()
    with transaction(database_url) as conn:
        forget_old_documents(conn, clock())
    for _ in range(MOST):
        with transaction(database_url) as conn:
            wanted = claim_document(conn, clock())
        if wanted is None:
            break
        tally[_fetch(client, database_url, wanted, clock)] += 1
    return DocumentReport(**tally)


def _fetch(
    client: OdooClient,
    database_url: str,
    wanted: WantedDocument,
    clock: Callable[[], datetime],
) -> str:
    try:
        answer = client.repeat(
            SERVICE, "invoice_pdf", move_id=wanted.odoo_id, max_bytes=MAX_BYTES
        )
        row, content = _read(answer)
    except (_NoDocument, OdooInvalidError, OdooMissingError, OdooTooLargeError) as e:
        fault = one_line(str(e))
        log.warning("document_failed", invoice=str(wanted.public_id), reason=fault)
        with transaction(database_url) as conn:
            fail_document(conn, wanted, fault, clock())
        return "failed"
    except OdooError:
        with transaction(database_url) as conn:
            put_back_document(conn, wanted, clock() + PAUSE)
        raise
    with transaction(database_url) as conn:
        stored = find_invoice(
            conn, wanted.service_id, wanted.public_id, wanted.move_type
        )
        if stored is None or row != (wanted.service, stored.invoice):
            put_back_document(conn, wanted, clock() + PAUSE)
            return "put_back"
        store_document(conn, wanted, stored.updated_at, content)
    return "stored"


def _read(answer: Any) -> tuple[tuple[str, Invoice] | None, bytes]:
    """The row, None where it says nothing that is known here, and the PDF."""
    if not isinstance(answer, Mapping):
        raise _NoDocument("Odoo answered something else than a PDF")
    if answer.get("reason"):
        reason = str(answer["reason"])
        raise _NoDocument(_REASONS.get(reason, f"Odoo printed nothing: {reason}"))
    try:
        content = base64.b64decode(str(answer.get("pdf")), validate=True)
    except (ValueError, binascii.Error) as error:
        raise _NoDocument("Odoo's PDF cannot be read") from error
    if not content.startswith(b"%PDF") or len(content) > MAX_BYTES:
        raise _NoDocument("Odoo printed something else than a PDF, or too much of it")
    try:
        service, invoice = read_row("invoice", answer.get("row"))
    except ValidationError:
        return None, content
    assert isinstance(invoice, Invoice)  # noqa: S101 - that is the kind's schema
    return (service, invoice), content
