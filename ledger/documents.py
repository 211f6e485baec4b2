"""PDFs of invoices: asked for by apps, fetched by the bridge, kept for a while.

A PDF shows an invoice as it was at its last change. When the invoice changes, or Odoo
was restored, it is no longer shown, and fetched anew for whoever asks.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from ledger.db import Connection
from ledger.queries import load_queries

MAX_BYTES: Final = 10 * 1024 * 1024
LEASE: Final = timedelta(minutes=5)
"""Longer than a fetch, tries included; a bridge that was killed holds it so long."""
TRIED: Final = timedelta(hours=1)
"""After the last time that somebody asked."""
KEPT: Final = timedelta(days=30)

_SQL = load_queries("documents")


@dataclass(frozen=True)
class DocumentState:
    """How an invoice's PDF stands. ``current``: it is there, of the state ``shows``.

    ``fault``: why the last try had none.
    """

    invoice_id: int
    draft: bool
    shows: datetime
    current: bool
    fault: str | None
    failed_at: datetime | None


@dataclass(frozen=True)
class WantedDocument:
    """A PDF that is to be fetched."""

    invoice_id: int
    service: str
    service_id: int
    public_id: UUID
    move_type: str
    odoo_id: int


def find_document(
    conn: Connection, service_id: int, public_id: UUID
) -> DocumentState | None:
    """How the PDF of the service's invoice stands; None: there is no such invoice."""
    values = {"service_id": service_id, "public_id": public_id}
    row = conn.execute(_SQL["find_document"], values).fetchone()
    return None if row is None else DocumentState(*row)


def ask_for_document(conn: Connection, invoice_id: int, now: datetime) -> bool:
    """Have the bridge fetch it; False when that has been asked before."""
    values = {"invoice_id": invoice_id, "now": now}
    row = conn.execute(_SQL["ask_for_document"], values).fetchone()
    return row is None or not row[0]


def read_content(
    conn: Connection, service_id: int, public_id: UUID, shows: datetime
) -> tuple[str, bytes] | None:
    """The invoice's number and PDF, while it still is as it was then."""
    values = {"service_id": service_id, "public_id": public_id, "shows": shows}
    row = conn.execute(_SQL["read_content"], values).fetchone()
    return None if row is None else (row[0], bytes(row[1]))


def claim_document(conn: Connection, now: datetime) -> WantedDocument | None:
    """Take on the PDF that waits longest; None: none does. Others leave it alone."""
    values = {"now": now, "until": now + LEASE, "since": now - TRIED}
    row = conn.execute(_SQL["claim_document"], values).fetchone()
    return None if row is None else WantedDocument(*row)


def store_document(
    conn: Connection, wanted: WantedDocument, shows: datetime, content: bytes
) -> None:
    """Keep the PDF, of the invoice as it was updated then. Again keeps the same."""
    values = {"invoice_id": wanted.invoice_id, "content": content, "shows": shows}
    conn.execute(_SQL["store_document"], values)


def fail_document(
    conn: Connection, wanted: WantedDocument, fault: str, now: datetime
) -> None:
    """Note why there is none; it is tried again when somebody asks again."""
    values = {"invoice_id": wanted.invoice_id, "fault": fault, "now": now}
    conn.execute(_SQL["fail_document"], values)


def put_back_document(
    conn: Connection, wanted: WantedDocument, until: datetime
) -> None:
    """Leave it wanted, and alone until then."""
    values = {"invoice_id": wanted.invoice_id, "until": until}
    conn.execute(_SQL["put_back_document"], values)


def forget_documents(conn: Connection) -> None:
    """Forget all: the Odoo that printed them is another now."""
    conn.execute(_SQL["forget_all"])


def forget_old_documents(conn: Connection, now: datetime) -> int:
    """Forget those that nobody has asked for lately; answers how many."""
    return conn.execute(_SQL["forget_old"], {"before": now - KEPT}).rowcount
