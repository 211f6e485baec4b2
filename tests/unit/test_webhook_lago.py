"""Lago's signatures and bodies, against a known vector, PyJWT and a plain model."""

import hashlib
import hmac
import json
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.webhook_types import KNOWN_TYPES, LAGO_TYPES, object_type_of
from workers.webhooks.hmac_key import HmacKey
from workers.webhooks.lago import hmac_signature, jwt_signature, lago_body

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SERVICE = UUID("1a901a90-1a90-1a90-1a90-1a901a901a90")
ISSUER = "https://billing.example"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def standard(event_type: str, data: Any) -> bytes:
    body = {"type": event_type, "timestamp": "2026-01-01T00:00:00Z", "data": data}
    return json.dumps(body, separators=(",", ":")).encode()


def test_hmac_is_lagos() -> None:
    body = lago_body(
        "invoice.created",
        SERVICE,
        standard("invoice.created", {"invoice": {"lago_id": "abc"}}),
    )

    assert body == (
        b'{"webhook_type":"invoice.created","object_type":"invoice",'
        b'"organization_id":"1a901a90-1a90-1a90-1a90-1a901a901a90",'
        b'"invoice":{"lago_id":"abc"}}'
    )
    assert (
        hmac_signature(HmacKey(b"11111111-2222-3333-4444-555555555555"), body)
        == "k+EnW9Ev6FxQ64DEQ/qKiI08MUTjyWNCopiSogo9kOA="
    )


@given(key=st.binary(max_size=200), messages=st.lists(st.binary(), min_size=1))
def test_a_ready_key_signs_as_the_standard_library(
    key: bytes, messages: list[bytes]
) -> None:
    ready = HmacKey(key)

    for message in messages:
        expected = hmac.digest(key, message, hashlib.sha256)
        assert ready.digest(message) == expected


@settings(deadline=None, max_examples=30)
@given(body=TEXTS)
def test_a_token_is_what_pyjwt_reads_and_writes(body: str) -> None:
    token = jwt_signature(KEY, ISSUER, body.encode())

    claims = jwt.decode(token, KEY.public_key(), algorithms=["RS256"], issuer=ISSUER)
    assert claims == {"data": body, "iss": ISSUER}
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "JWT"}
    assert jwt.encode(claims, KEY, "RS256").count(".") == token.count(".") == 2


def test_a_token_of_another_body_or_key_is_refused() -> None:
    token = jwt_signature(KEY, ISSUER, b"{}")
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(token, other.public_key(), algorithms=["RS256"], issuer=ISSUER)
    with pytest.raises(jwt.InvalidIssuerError):
        jwt.decode(token, KEY.public_key(), algorithms=["RS256"], issuer="https://x")


@given(
    event_type=st.sampled_from(sorted(KNOWN_TYPES)),
    data=st.dictionaries(
        TEXTS.filter(lambda t: t not in ("webhook_type", "object_type")),
        TEXTS | st.integers() | st.none() | st.lists(TEXTS),
    ),
)
def test_nothing_that_is_told_is_lost(event_type: str, data: dict[str, Any]) -> None:
    told = json.loads(lago_body(event_type, SERVICE, standard(event_type, data)))

    assert told["webhook_type"] == event_type
    assert told["object_type"] == object_type_of(event_type)
    assert told[told["object_type"]] == data


def test_lagos_types_are_all_known() -> None:
    assert len(LAGO_TYPES) == 76
    assert "invoice.payment_status_updated" in LAGO_TYPES
