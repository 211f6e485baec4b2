"""The endpoints that webhooks go to, as an operator manages them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg

from ledger.db import Connection
from ledger.keys import ServiceUnknown
from ledger.queries import load_queries
from ledger.sealing import new_secret, seal_secret
from ledger.targets import check_url

_SQL = load_queries("endpoints")
_EVENT_TYPE = re.compile(r"[a-z][a-z_]*(\.[a-z][a-z_]*)+")


class EndpointUnknown(LookupError):
    """No endpoint has that id."""


class EndpointExists(ValueError):
    """The service has an endpoint with that URL already."""


class EventTypeInvalid(ValueError):
    """That cannot be the name of an event type."""


@dataclass(frozen=True)
class NewEndpoint:
    """A new endpoint; ``secret`` is the only copy that can be shown."""

    id: UUID
    secret: str


@dataclass(frozen=True)
class EndpointRow:
    """What may be shown of an endpoint. ``event_types`` empty: it gets every type."""

    id: UUID
    service: str
    url: str
    event_types: tuple[str, ...]
    enabled: bool
    disabled_reason: str | None
    created_at: datetime
    pending: int
    dead: int


def create_endpoint(
    conn: Connection,
    service: str,
    url: str,
    event_types: Sequence[str],
    *,
    secret_key: str,
    allow_loopback: bool,
    name: str = "",
    signature_algo: str = "hmac",
    body_style: str = "standard",
) -> NewEndpoint:
    """Make an endpoint of a service; from now on its events go there.

    ``signature_algo``, of Lago's header: hmac or jwt. ``body_style``: standard or lago.

    Raises ServiceUnknown, UrlRefused, EventTypeInvalid, EndpointExists.
    """
    check_url(url, allow_loopback=allow_loopback)
    for wanted in event_types:
        if not _EVENT_TYPE.fullmatch(wanted):
            raise EventTypeInvalid(f"{wanted!r} is not an event type like invoice.paid")
    secret = new_secret()
    try:
        with conn.transaction():
            row = conn.execute(
                _SQL["insert_endpoint"],
                {
                    "service": service,
                    "url": url,
                    "secret": seal_secret(secret, secret_key),
                    "event_types": sorted(set(event_types)),
                    "name": name,
                    "signature_algo": signature_algo,
                    "body_style": body_style,
                },
            ).fetchone()
    except psycopg.errors.UniqueViolation as error:
        raise EndpointExists(f"{service} has an endpoint {url} already") from error
    if row is None:
        raise ServiceUnknown(service)
    return NewEndpoint(row[0], secret)


def list_endpoints(conn: Connection, service: str | None = None) -> list[EndpointRow]:
    """All endpoints, of one service or of all."""
    rows = conn.execute(_SQL["list_endpoints"], {"service": service})
    return [
        EndpointRow(id_, service_code, url, tuple(event_types), *rest)
        for id_, service_code, url, event_types, *rest in rows
    ]


def disable_endpoint(
    conn: Connection, endpoint_id: UUID, now: datetime, reason: str
) -> None:
    """Send nothing there any more; what waits, waits. Raises EndpointUnknown."""
    done = conn.execute(
        _SQL["disable_endpoint"], {"id": endpoint_id, "now": now, "reason": reason}
    )
    if not done.rowcount:
        raise EndpointUnknown(str(endpoint_id))


def enable_endpoint(conn: Connection, endpoint_id: UUID) -> None:
    """Send there again, what has waited included. Raises EndpointUnknown."""
    if not conn.execute(_SQL["enable_endpoint"], {"id": endpoint_id}).rowcount:
        raise EndpointUnknown(str(endpoint_id))
