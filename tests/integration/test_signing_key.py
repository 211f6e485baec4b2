"""The installation's key pair: one, whoever asks first."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from ledger.db import Connection, connect
from ledger.sealing import SecretUnreadable, unseal_secret
from ledger.signing_key import SigningKey, signing_key_of
from tests.webhook_world import SECRET_KEY


def test_all_who_ask_at_once_get_one_key(database_url: str) -> None:
    def ask(_: int) -> SigningKey:
        with connect(database_url) as conn:
            return signing_key_of(conn, SECRET_KEY)

    with ThreadPoolExecutor(4) as executor:
        keys = set(executor.map(ask, range(4)))

    assert len(keys) == 1


def test_the_private_key_is_encrypted_at_rest(conn: Connection) -> None:
    key = signing_key_of(conn, SECRET_KEY)

    assert b"PRIVATE" not in key.private_key
    assert "PRIVATE" in unseal_secret(key.private_key, SECRET_KEY)
    with pytest.raises(SecretUnreadable):
        unseal_secret(key.private_key, "A" * 43 + "=")
