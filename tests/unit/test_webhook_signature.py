"""Signatures against the published vectors and the reference library."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from ledger.sealing import (
    SecretUnreadable,
    new_secret,
    seal_secret,
    signing_key,
    unseal_secret,
)
from workers.webhooks.signing import SignatureInvalid, sign_headers, signature, verify

VECTOR_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VECTORS = {
    "V1": (
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    "V2": (
        "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
        1674087231,
        b'{"type":"contact.created","timestamp":"2022-11-03T20:26:10.344522Z",'
        b'"data":{"id":"1f81eb52-5198-4599-803e-771906343485"}}',
        "v1,ARw42xaAApl/nxRo+iPGYwSaMQaOwMo2eyH5JBRA+bQ=",
    ),
}
KEY = b"0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 6, 15, 12, 0, 0, 900_000, tzinfo=UTC)
BODY = b'{"type":"invoice.paid"}'


@pytest.mark.parametrize("name", sorted(VECTORS))
def test_the_published_vectors_hold(name: str) -> None:
    message_id, timestamp, body, expected = VECTORS[name]

    headers = sign_headers(
        [signing_key(VECTOR_SECRET)],
        message_id,
        datetime.fromtimestamp(timestamp, UTC),
        body,
    )

    assert headers == {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": expected,
    }


@given(st.text(), st.binary(min_size=24, max_size=64))
def test_the_reference_library_accepts_what_we_sign(text: str, key: bytes) -> None:
    body = text.encode("utf-8", "replace")

    headers = sign_headers([key], "msg_a", datetime.now(UTC), body)

    Webhook(key).verify(body, headers, json_parse=False)


@given(st.text(), st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1)))  # noqa: DTZ001 - the zone is put on below
def test_we_accept_what_the_reference_library_signs(text: str, at: datetime) -> None:
    at = at.replace(tzinfo=UTC)
    data = text.encode("utf-8", "replace").decode()
    signed = Webhook(KEY).sign("msg_a", at, data)
    headers = {
        "webhook-id": "msg_a",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signed,
    }

    verify(KEY, headers, data.encode(), at)


def test_one_signature_of_several_is_enough() -> None:
    headers = sign_headers([b"another key" * 3, KEY], "msg_a", NOW, BODY)

    verify(KEY, headers, BODY, NOW)


@pytest.mark.parametrize("off", [timedelta(minutes=6), -timedelta(minutes=6)])
def test_an_old_or_future_timestamp_is_refused(off: timedelta) -> None:
    headers = sign_headers([KEY], "msg_a", NOW + off, BODY)

    with pytest.raises(SignatureInvalid, match="too far"):
        verify(KEY, headers, BODY, NOW)


def test_another_body_key_or_id_is_refused() -> None:
    headers = sign_headers([KEY], "msg_a", NOW, BODY)

    for key, changed, body in (
        (KEY, headers, BODY + b" "),
        (KEY[::-1], headers, BODY),
        (KEY, headers | {"webhook-id": "msg_b"}, BODY),
    ):
        with pytest.raises(SignatureInvalid, match="no signature"):
            verify(key, changed, body, NOW)


@given(
    st.fixed_dictionaries(
        {
            "webhook-id": st.text(),
            "webhook-timestamp": st.text() | st.integers().map(str),
            "webhook-signature": st.text(),
        }
    )
)
def test_any_other_headers_are_refused_and_nothing_else(
    headers: dict[str, str],
) -> None:
    with pytest.raises(SignatureInvalid):
        verify(KEY, headers, BODY, NOW)


def test_the_signature_covers_body_bytes_that_are_not_text() -> None:
    body = b"\xff\x00\xfe"

    assert signature(KEY, "a", "1", body) != signature(KEY, "a", "1", b"\xff\x00\xff")


def test_a_secret_is_32_random_bytes_and_never_the_same() -> None:
    secrets = {new_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert {len(signing_key(secret)) for secret in secrets} == {32}


def test_a_sealed_secret_opens_with_its_key_alone() -> None:
    secret, key = new_secret(), Fernet.generate_key().decode()
    sealed = seal_secret(secret, key)

    assert secret.encode() not in sealed
    assert unseal_secret(sealed, key) == secret
    with pytest.raises(SecretUnreadable):
        unseal_secret(sealed, Fernet.generate_key().decode())


@pytest.mark.parametrize("text", ["", "MfKQ9r8G", "whsec_%%%", "whsec_abc"])
def test_what_is_not_a_secret_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="secret"):
        signing_key(text)
