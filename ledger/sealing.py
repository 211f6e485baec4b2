"""Webhook secrets: made here, shown once, encrypted at rest.

A secret is ``whsec_`` + base64 of its 32 random bytes (Standard Webhooks); those bytes
are the signing key.
"""

import base64
import binascii
import secrets

from cryptography.fernet import Fernet, InvalidToken

PREFIX = "whsec_"
KEY_BYTES = 32


class SecretUnreadable(ValueError):
    """A stored secret was encrypted with another FUSION_SECRET_KEY, or is damaged."""


def new_secret() -> str:
    """A new secret, as it is shown to its owner."""
    return PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def signing_key(secret: str) -> bytes:
    """The bytes that sign. Raises ValueError when the text is not a secret."""
    if not secret.startswith(PREFIX):
        raise ValueError(f"a webhook secret begins with {PREFIX}")
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError(f"a webhook secret is {PREFIX} and base64") from error


def seal_secret(secret: str, secret_key: str) -> bytes:
    """The secret encrypted for webhook_endpoint.secret; secret_key is a Fernet key."""
    return Fernet(secret_key).encrypt(secret.encode())


def unseal_secret(sealed: bytes, secret_key: str) -> str:
    """The secret as it was shown. Raises SecretUnreadable."""
    try:
        return Fernet(secret_key).decrypt(sealed).decode()
    except InvalidToken as error:
        raise SecretUnreadable(
            "a webhook secret does not open with FUSION_SECRET_KEY"
        ) from error
