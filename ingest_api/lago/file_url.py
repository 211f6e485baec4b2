"""Where an invoice's PDF is: a link below the API's URL as apps know it."""

from datetime import datetime
from uuid import UUID

from flask import request

from ingest_api.api import current_api
from ingest_api.lago.document_links import link_query, make_link
from ledger.documents import DocumentState


def file_url(
    service_id: int, public_id: UUID, state: DocumentState | None, now: datetime
) -> str | None:
    """The link, below the path that the request has come by; None: there is no PDF."""
    if state is None or not state.current:
        return None
    settings = current_api().settings
    prefix = request.path.partition("/invoices/")[0]
    root = (settings.public_url or request.url_root).rstrip("/")
    link = make_link(service_id, public_id, state.shows, now)
    query = link_query(settings.secret_key, link)
    return f"{root}{prefix}/documents/{public_id}?{query}"
