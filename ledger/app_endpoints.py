"""The endpoints of one service as the app itself manages them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg

from ledger.db import Connection
from ledger.endpoints import (
    EndpointExists,
    EndpointUnknown,
    NewEndpoint,
    create_endpoint,
)
from ledger.queries import load_queries
from ledger.sealing import new_secret, seal_secret
from ledger.targets import check_url
from schemas.lago_webhook_endpoints import MAX_ENDPOINTS

OVERLAP: Final = timedelta(hours=24)
"""How long a secret signs after it was rotated away."""

_SQL = load_queries("endpoints")


class EndpointsFull(ValueError):
    """The service has MAX_ENDPOINTS endpoints."""


@dataclass(frozen=True)
class AppEndpoint:
    """An endpoint as its app sees it. ``event_types`` empty: it gets every type."""

    id: UUID
    organization_id: UUID
    url: str
    signature_algo: str
    name: str
    event_types: tuple[str, ...]
    created_at: datetime
    body_style: str
    enabled: bool
    disabled_reason: str | None


def add_endpoint(
    conn: Connection,
    service: str,
    values: Mapping[str, Any],
    *,
    secret_key: str,
    allow_loopback: bool,
) -> NewEndpoint:
    """Make an endpoint, unless there are MAX_ENDPOINTS: the service is locked for that.

    Raises EndpointsFull, ServiceUnknown, UrlRefused, EndpointExists.
    """
    # Two statements: the count must see what others committed while this one waited.
    row = conn.execute(_SQL["lock_endpoints"], {"service": service}).fetchone()
    if row is not None and _count(conn, row[0]) >= MAX_ENDPOINTS:
        raise EndpointsFull(service)
    return create_endpoint(
        conn,
        service,
        values["webhook_url"],
        values.get("event_types", ()),
        secret_key=secret_key,
        allow_loopback=allow_loopback,
        name=values.get("name", ""),
        signature_algo=values.get("signature_algo", "jwt"),
        body_style=values.get("body_style", "lago"),
    )


def find_endpoint(conn: Connection, service_id: int, endpoint_id: UUID) -> AppEndpoint:
    """One endpoint. Raises EndpointUnknown."""
    found = _page(conn, service_id, endpoint_id, 1, 0)
    if not found:
        raise EndpointUnknown(str(endpoint_id))
    return found[0]


def page_of_endpoints(
    conn: Connection, service_id: int, limit: int, offset: int
) -> tuple[list[AppEndpoint], int]:
    """A page of the endpoints, oldest first, and how many there are."""
    total = _count(conn, service_id)
    return _page(conn, service_id, None, limit, offset), total


def change_endpoint(
    conn: Connection,
    service_id: int,
    endpoint_id: UUID,
    values: Mapping[str, Any],
    *,
    allow_loopback: bool,
) -> AppEndpoint:
    """Change what the values name; what waits goes by the endpoint as it is then.

    Raises EndpointUnknown, UrlRefused, EndpointExists.
    """
    find_endpoint(conn, service_id, endpoint_id)
    url = values.get("webhook_url")
    if url is not None:
        check_url(url, allow_loopback=allow_loopback)
    event_types = values.get("event_types")
    changes = {
        "service_id": service_id,
        "id": endpoint_id,
        "url": url,
        "name": values.get("name"),
        "signature_algo": values.get("signature_algo"),
        "body_style": values.get("body_style"),
        "event_types": None if event_types is None else list(event_types),
    }
    try:
        with conn.transaction():
            conn.execute(_SQL["update_endpoint"], changes)
    except psycopg.errors.UniqueViolation as error:
        raise EndpointExists(f"there is an endpoint {url} already") from error
    return find_endpoint(conn, service_id, endpoint_id)


def rotate_secret(
    conn: Connection,
    service_id: int,
    endpoint_id: UUID,
    now: datetime,
    *,
    secret_key: str,
) -> NewEndpoint:
    """A new secret; those of before sign beside it for OVERLAP, so that an answer that
    is lost costs nothing. Raises EndpointUnknown."""
    secret = new_secret()
    done = conn.execute(
        _SQL["rotate_secret"],
        {
            "service_id": service_id,
            "id": endpoint_id,
            "now": now,
            "overlap": OVERLAP,
            "secret": seal_secret(secret, secret_key),
        },
    )
    if not done.rowcount:
        raise EndpointUnknown(str(endpoint_id))
    return NewEndpoint(endpoint_id, secret)


def remove_endpoint(
    conn: Connection, service_id: int, endpoint_id: UUID, now: datetime
) -> AppEndpoint:
    """Send nothing there any more, and forget what waits; returns it as it was.

    Raises EndpointUnknown.
    """
    key = {"service_id": service_id, "id": endpoint_id}
    conn.execute(_SQL["lock_endpoint"], key)
    endpoint = find_endpoint(conn, service_id, endpoint_id)
    if not conn.execute(_SQL["delete_endpoint"], {**key, "now": now}).rowcount:
        raise EndpointUnknown(str(endpoint_id))
    conn.execute(_SQL["drop_waiting"], {"id": endpoint_id})
    return endpoint


def _count(conn: Connection, service_id: int) -> int:
    row = conn.execute(
        _SQL["count_service_endpoints"], {"service_id": service_id}
    ).fetchone()
    assert row is not None  # noqa: S101 - a count answers one row
    return int(row[0])


def _page(
    conn: Connection, service_id: int, endpoint_id: UUID | None, limit: int, offset: int
) -> list[AppEndpoint]:
    rows = conn.execute(
        _SQL["service_endpoints"],
        {
            "service_id": service_id,
            "id": endpoint_id,
            "limit": limit,
            "offset": offset,
        },
    )
    return [
        AppEndpoint(id_, organization, url, algo, name, tuple(event_types), *rest)
        for id_, organization, url, algo, name, event_types, *rest in rows
    ]
