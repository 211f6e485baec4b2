"""The key pair that signs webhooks as JWT (RS256): one per installation, made at first
use, its private half encrypted at rest as secrets are."""

from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ledger.db import Connection
from ledger.queries import load_queries
from ledger.sealing import seal_secret

KEY_BITS: Final = 2048

_SQL = load_queries("signing_key")


@dataclass(frozen=True)
class SigningKey:
    """Both halves in PEM; ``private_key`` is encrypted as it is stored."""

    private_key: bytes
    public_key: str


def signing_key_of(conn: Connection, secret_key: str) -> SigningKey:
    """The installation's key pair, made now if there is none yet.

    Safe to run by several at once: the table holds one row, and whoever comes second
    takes the first one's.
    """
    found = _find(conn)
    if found is None:
        made = _make(secret_key)
        conn.execute(
            _SQL["insert_signing_key"],
            {"private_key": made.private_key, "public_key": made.public_key},
        )
        found = _find(conn)
    assert found is not None  # noqa: S101 - ours or another's is there now
    return found


def _find(conn: Connection) -> SigningKey | None:
    row = conn.execute(_SQL["find_signing_key"]).fetchone()
    return None if row is None else SigningKey(*row)


def _make(secret_key: str) -> SigningKey:
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return SigningKey(seal_secret(private.decode(), secret_key), public.decode())
