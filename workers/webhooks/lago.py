"""Webhooks as Lago sends them: the body, and the headers that its receivers verify.

``hmac``: base64(HMAC-SHA256(secret, body)), keyed by the secret's text as it was shown.
``jwt``: an RS256 token whose claims are ``data``, the body as text, and ``iss``.
"""

import base64
import json
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from schemas.webhook_types import object_type_of
from workers.webhooks.hmac_key import HmacKey

HMAC: Final = "hmac"
JWT: Final = "jwt"

_HEADER: Final = b'{"alg":"RS256","typ":"JWT"}'


def lago_body(event_type: str, organization_id: UUID, body: bytes) -> bytes:
    """A standard body in Lago's style; the same bytes whenever it is asked for.

    Data that is ``{name: {...}}`` tells of the object by that name, and what else is in
    it stands beside; other data is the object itself.
    """
    data = json.loads(body)["data"]
    name = object_type_of(event_type)
    told = data if isinstance(data.get(name), dict) else {name: data}
    whole = {
        "webhook_type": event_type,
        "object_type": name,
        "organization_id": str(organization_id),
        **told,
    }
    return json.dumps(whole, separators=(",", ":")).encode()


def lago_headers(algorithm: str, signature: str, message_id: str) -> dict[str, str]:
    """The three headers; the message's id is the same over all attempts."""
    return {
        "X-Lago-Signature-Algorithm": algorithm,
        "X-Lago-Signature": signature,
        "X-Lago-Unique-Key": message_id,
    }


def hmac_signature(key: HmacKey, body: bytes) -> str:
    """Of the body alone; the key is of the secret's ASCII bytes."""
    return base64.b64encode(key.digest(body)).decode()


def jwt_signature(key: RSAPrivateKey, issuer: str, body: bytes) -> str:
    """A token that holds the whole body (RFC 7515, compact)."""
    claims = {"data": body.decode(), "iss": issuer}
    content = _base64url(_HEADER) + b"." + _base64url(json.dumps(claims).encode())
    signature = key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    return (content + b"." + _base64url(signature)).decode()


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
