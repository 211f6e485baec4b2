"""The key that verifies webhooks, as Lago's client asks for it."""

import base64
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from flask import Flask

from tests.api_world import BASE, Person
from tests.lago_world import lago_client, served


def test_the_client_reads_the_public_key(app: Flask, olga: Person) -> None:
    with served(app) as url:
        client: Any = lago_client(url, olga.key)
        pem = client.webhooks.public_key()

    assert isinstance(load_pem_public_key(pem), RSAPublicKey)


def test_it_is_one_for_all_and_the_same_as_plain_text(
    olga: Person, mallory: Person
) -> None:
    wrapped = olga.get("/webhooks/json_public_key")
    plain = mallory.get("/webhooks/public_key")

    assert wrapped.body == {"webhook": {"public_key": plain.text}}
    assert plain.headers["Content-Type"].startswith("text/plain")
    assert base64.b64decode(plain.text).startswith(b"-----BEGIN PUBLIC KEY-----")


def test_without_a_key_it_is_not_shown(app: Flask) -> None:
    for path in ("json_public_key", "public_key"):
        answer = app.test_client().get(f"{BASE}/webhooks/{path}")
        assert answer.status_code == 401
