"""Standard Webhooks 1.0.0 signatures: https://www.standardwebhooks.com

The signature covers ``{id}.{timestamp}.{raw body}`` with HMAC-SHA256.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

TOLERANCE = timedelta(minutes=5)


class SignatureInvalid(ValueError):
    """The headers do not prove that the body comes from us, or not recently."""


def sign_headers(
    keys: Sequence[bytes], message_id: str, sent_at: datetime, body: bytes
) -> dict[str, str]:
    """The three headers of one attempt; several keys while a secret is rotated."""
    timestamp = str(int(sent_at.timestamp()))
    signatures = (signature(key, message_id, timestamp, body) for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }


def signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """``v1,`` and the base64 of the HMAC."""
    content = b".".join((message_id.encode(), timestamp.encode(), body))
    digest = hmac.new(key, content, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def verify(key: bytes, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """What a receiver does, in constant time. Raises SignatureInvalid.

    ``headers`` are looked up by their lower-case names; the timestamp may be off by
    five minutes either way.
    """
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    signatures = headers.get("webhook-signature", "")
    if not (message_id and timestamp and signatures):
        raise SignatureInvalid("a webhook header is missing")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 13):
        raise SignatureInvalid("webhook-timestamp is not in seconds")
    if abs(int(timestamp) - now.timestamp()) > TOLERANCE.total_seconds():
        raise SignatureInvalid("webhook-timestamp is too far from now")
    expected = signature(key, message_id, timestamp, body).encode()
    # Every one is compared, so that the time taken tells nothing.
    matches = [
        hmac.compare_digest(expected, given.encode("utf-8", "surrogateescape"))
        for given in signatures.split(" ")
    ]
    if not any(matches):
        raise SignatureInvalid("no signature matches")
