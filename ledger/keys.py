"""API keys: shown once, kept as a hash, looked up by their prefix, revocable.

A key is ``fb_<prefix>_<secret>``. The secret has 256 random bits, hence a plain SHA-256
is as good as a slow hash.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime

from ledger.db import Connection
from ledger.queries import load_queries

SCOPES = ("catalog",)

_SQL = load_queries("keys")


class ServiceUnknown(LookupError):
    """No service has that code."""


class KeyUnknown(LookupError):
    """No key has that prefix."""


@dataclass(frozen=True)
class Principal:
    """Who a valid key speaks for, what it may do besides, and its public part."""

    service_id: int
    service_code: str
    scopes: frozenset[str]
    prefix: str


@dataclass(frozen=True)
class KeyRow:
    """What may be shown of a key."""

    prefix: str
    service: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


def create_key(conn: Connection, service: str, scopes: tuple[str, ...]) -> str:
    """Make a key for a service; the returned text is the only copy of it.

    Raises ServiceUnknown.
    """
    prefix = secrets.token_hex(6)
    secret = secrets.token_urlsafe(32)
    made = conn.execute(
        _SQL["insert_key"],
        {
            "prefix": prefix,
            "service": service,
            "secret_hash": _hash(secret),
            "scopes": list(scopes),
        },
    )
    if not made.rowcount:
        raise ServiceUnknown(service)
    return f"fb_{prefix}_{secret}"


def authenticate(conn: Connection, key: str) -> Principal | None:
    """Who the key speaks for; None when it is malformed, unknown, wrong or revoked."""
    parts = key.split("_", 2)
    if len(parts) != 3 or parts[0] != "fb" or "\0" in key:
        return None
    row = conn.execute(_SQL["find_key"], {"prefix": parts[1]}).fetchone()
    if row is None or not hmac.compare_digest(row[0], _hash(parts[2])):
        return None
    return Principal(row[1], row[2], frozenset(row[3]), parts[1])


def list_keys(conn: Connection, service: str | None = None) -> list[KeyRow]:
    """All keys, of one service or of all, oldest first."""
    rows = conn.execute(_SQL["list_keys"], {"service": service})
    return [KeyRow(row[0], row[1], tuple(row[2]), row[3], row[4]) for row in rows]


def revoke_key(conn: Connection, prefix: str) -> None:
    """Make a key worthless from the next request on. Raises KeyUnknown."""
    if not conn.execute(_SQL["revoke_key"], {"prefix": prefix}).rowcount:
        raise KeyUnknown(prefix)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
