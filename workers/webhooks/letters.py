"""What one attempt sends: the body in its endpoint's style, and what signs it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ledger.db import Connection
from ledger.sealing import SecretUnreadable, signing_key, unseal_secret
from ledger.signing_key import signing_key_of
from ledger.webhooks import Claim
from workers.webhooks.hmac_key import HmacKey
from workers.webhooks.lago import (
    JWT,
    hmac_signature,
    jwt_signature,
    lago_body,
    lago_headers,
)
from workers.webhooks.signing import sign_headers


@dataclass(frozen=True)
class Letter:
    """The exact bytes, and the headers that sign them."""

    body: bytes
    headers: Mapping[str, str]


class Signer:
    """Writes letters; remembers the secrets that it has decrypted."""

    def __init__(self, secret_key: str, issuer: str) -> None:
        self._secret_key = secret_key
        self._issuer = issuer
        self._secrets: dict[bytes, tuple[HmacKey, bytes]] = {}
        self._private_key: RSAPrivateKey | None = None

    def prepare(self, conn: Connection, claims: Sequence[Claim]) -> None:
        """Read the installation's key, or make it, when one of these needs it first.

        One that does not open stays away. Raises psycopg.Error.
        """
        if self._private_key is None and any(c.signature_algo == JWT for c in claims):
            sealed = signing_key_of(conn, self._secret_key).private_key
            with suppress(SecretUnreadable):
                pem = unseal_secret(sealed, self._secret_key).encode()
                key = load_pem_private_key(pem, None)
                assert isinstance(key, RSAPrivateKey)  # noqa: S101 - as it was made
                self._private_key = key

    def write(self, claim: Claim, now: datetime) -> Letter:
        """The letter of an attempt, signed at this moment.

        While a secret is being rotated, Standard Webhooks' header holds a signature by
        each that still signs; Lago's has room for one, by the newest.
        Raises SecretUnreadable.
        """
        body = claim.body
        if claim.organization_id is not None:
            body = lago_body(claim.type, claim.organization_id, body)
        text_key, key = self._secret(claim.secret)
        old_keys = [self._secret(sealed)[1] for sealed in claim.old_secrets or ()]
        if claim.signature_algo == JWT:
            signature = self._token(body)
        else:
            signature = hmac_signature(text_key, body)
        return Letter(
            body,
            {
                **sign_headers([key, *old_keys], claim.message_id, now, body),
                **lago_headers(claim.signature_algo, signature, claim.message_id),
            },
        )

    def _token(self, body: bytes) -> str:
        if self._private_key is None:
            raise SecretUnreadable("the signing key does not open with this key")
        return jwt_signature(self._private_key, self._issuer, body)

    def _secret(self, sealed: bytes) -> tuple[HmacKey, bytes]:
        """The key of the text as it was shown, Lago's, and the standard's."""
        if sealed not in self._secrets:
            secret = unseal_secret(sealed, self._secret_key)
            try:
                keys = HmacKey(secret.encode()), signing_key(secret)
            except ValueError as error:
                raise SecretUnreadable(str(error)) from error
            self._secrets[sealed] = keys
        return self._secrets[sealed]
