"""Links to a PDF that need no key, and end: signed over what they are for.

What is signed is the service, the invoice, the state of it that the PDF shows, and the
end. So a link opens no other PDF, whatever becomes of ids, and not a newer one.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

LIFE: Final = timedelta(hours=1)

_PURPOSE: Final = b"fusion-billing: links to PDFs of invoices"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MAX_DIGITS: Final = 18


@dataclass(frozen=True)
class DocumentLink:
    """A PDF of an invoice, as it was updated at ``shows``; until ``expires``, seconds
    since 1970."""

    service_id: int
    public_id: UUID
    shows: datetime
    expires: int


def make_link(
    service_id: int, public_id: UUID, shows: datetime, now: datetime
) -> DocumentLink:
    """A link that ends in an hour."""
    expires = int((now + LIFE).timestamp())
    return DocumentLink(service_id, public_id, shows, expires)


def link_query(secret_key: str, link: DocumentLink) -> str:
    """The query of the link's URL, signed."""
    shows = (link.shows - _EPOCH) // _MICROSECOND
    return urlencode(
        {
            "service": link.service_id,
            "shows": shows,
            "expires": link.expires,
            "signature": _sign(secret_key, link),
        }
    )


def read_link(
    secret_key: str, public_id: UUID, query: Mapping[str, str], now: datetime
) -> DocumentLink | None:
    """The link, if it was signed here and has not ended; else None."""
    numbers = [query.get(name, "") for name in ("service", "shows", "expires")]
    if not all(text.isascii() and text.isdigit() for text in numbers):
        return None
    if any(len(text) > _MAX_DIGITS for text in numbers):
        return None
    service_id, shows, expires = map(int, numbers)
    try:
        instant = _EPOCH + shows * _MICROSECOND
    except OverflowError:
        return None
    link = DocumentLink(service_id, public_id, instant, expires)
    signature = query.get("signature", "").encode()
    if not hmac.compare_digest(signature, _sign(secret_key, link).encode()):
        return None
    return link if now.timestamp() < expires else None


def _sign(secret_key: str, link: DocumentLink) -> str:
    key = hmac.digest(secret_key.encode(), _PURPOSE, hashlib.sha256)
    shows = (link.shows - _EPOCH) // _MICROSECOND
    text = f"{link.service_id}\n{link.public_id}\n{shows}\n{link.expires}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
