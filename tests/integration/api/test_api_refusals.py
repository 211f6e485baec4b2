"""Bad input gets a clear error and changes nothing (P15)."""

import gzip
import io
import json

import pytest

from ingest_api.bodies import MAX_BODY_BYTES
from ledger.db import Connection
from tests.api_world import (
    BASE,
    Answer,
    Person,
    answer_of,
    counter,
    queued_messages,
)


def stored(olga: Person, conn: Connection, broker_url: str) -> list[int]:
    """How much there is of Olga's of all that a push may leave behind."""
    conn.rollback()
    messages = len(queued_messages(broker_url, olga.service_id))
    row = conn.execute(
        """
        SELECT (SELECT count(*) FROM batch WHERE service_id = %(id)s),
               (SELECT count(*) FROM idempotency_key WHERE service_id = %(id)s),
               (SELECT count(*) FROM parked_counter WHERE service_id = %(id)s)
        """,
        {"id": olga.service_id},
    ).fetchone()
    assert row is not None
    return [messages, *row]


NOTHING = [0, 0, 0, 0]
ONE = json.dumps(counter("t"))
WRAPPED = '{"counters": [%s]}'


def changed(name: str, value: str) -> bytes:
    """One counter with one field replaced by this piece of JSON."""
    fields = {k: json.dumps(v) for k, v in counter("t").items()} | {name: value}
    item = ", ".join(f'"{k}": {v}' for k, v in fields.items())
    return (WRAPPED % f"{{{item}}}").encode()


LIST = json.dumps([f"{number:x}" for number in range(10_000)])
MANY_MEMBERS = (
    WRAPPED
    % ", ".join(
        json.dumps(counter(f"t{n}", code="unique", value=None, values=[])).replace(
            "[]", LIST
        )
        for n in range(26)
    )
).encode()  # 260,000


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (422, MANY_MEMBERS),
        (400, b""),
        (400, b"hello"),
        (400, b"[]"),
        (400, b"1"),
        (400, b"null"),
        (400, b"{}"),
        (400, ONE.encode()),
        (400, (WRAPPED % ONE).encode("utf-16")),
        (400, changed("value", "NaN")),
        (400, changed("value", "Infinity")),
        (400, changed("value", '1, "value": 2')),
        (400, changed("value", "[" * 100_000)),
        (422, b'{"counters": []}'),
        (422, b'{"counters": null}'),
        (422, b'{"counters": "x"}'),
        (422, b'{"counters": [1, null, [], "x"]}'),
        (422, (WRAPPED % ONE)[:-1].encode() + b', "more": 1}'),
        (422, (WRAPPED % ", ".join([ONE] * 10_001)).encode()),
        (422, (WRAPPED % ", ".join(["{}"] * 500_000)).encode()),
        (422, changed("value", "1e400")),
        (422, changed("value", "1e99999999999999999999")),
        (422, changed("value", "1" * 40)),
        (422, changed("value", "0." + "1" * 40)),
        (422, changed("value", '"' + "1" * 40 + '"')),
        (422, changed("value", "1" * 1_000_000)),
        (422, changed("value", '"' + "x" * 1_000_000 + '"')),
        (422, changed("value", "true")),
        (422, changed("value", "null")),
        (422, changed("value", '"\\u0000"')),
        (422, changed("value", '"\\ud800"')),
        (422, changed("values", '["a"]')),
        (422, changed("code", '"\\u0000"')),
        (422, changed("code", "7")),
        (422, changed("transaction_id", '"\\udfff"')),
        (422, changed("transaction_id", '"' + "x" * 1_000_000 + '"')),
        (422, changed("external_subscription_id", '""')),
        (422, changed("timestamp", "1767225600000")),
        (422, changed("timestamp", '"0001-01-01T00:00:00Z"')),
        (422, changed("timestamp", '"2026-01-01T00:00:00"')),
        (422, changed("more", "1")),
        (422, changed("x" * 1_000_000, "1")),
        (422, changed("\\u0000\\ud800", "1")),
        (413, b" " * (MAX_BODY_BYTES + 1)),
    ],
    ids=lambda part: repr(part[:60]) if isinstance(part, bytes) else None,
)
def test_bad_input_gets_a_clear_error_and_changes_nothing(
    status: int, body: bytes, olga: Person, conn: Connection, broker_url: str
) -> None:
    answer = olga.push_bytes(body, Idempotency_Key="k")

    assert answer.status == status, answer.text[:500]
    assert answer.body["status"] == status
    assert len(answer.text) < 2_000
    assert stored(olga, conn, broker_url) == NOTHING


def test_a_422_shows_the_first_errors_by_index(olga: Person) -> None:
    answer = olga.push(*[counter(f"t-{n}", value="x") for n in range(250)])

    assert answer.body["code"] == "validation_errors"
    assert list(answer.body["error_details"]) == [str(n) for n in range(100)]
    assert list(answer.body["error_details"]["0"]) == ["value"]
    assert "250" in answer.body["message"]


def test_gzip_is_taken_and_a_bomb_is_not(
    olga: Person, conn: Connection, broker_url: str
) -> None:
    body = (WRAPPED % ONE).encode()
    bomb = gzip.compress(b" " * (50 * 1024 * 1024))

    refused = olga.push_bytes(bomb, Content_Encoding="gzip")
    damaged = olga.push_bytes(body, Content_Encoding="gzip")

    assert (refused.status, damaged.status) == (413, 400)
    assert stored(olga, conn, broker_url) == NOTHING
    assert olga.push_bytes(gzip.compress(body), Content_Encoding="gzip").status == 202
    assert olga.push_bytes(body, Content_Encoding="identity").status == 202


def test_a_body_in_chunks_is_held_to_the_same_limit(
    olga: Person, conn: Connection, broker_url: str
) -> None:
    good = (WRAPPED % ONE).encode()
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}

    def push(body: bytes) -> Answer:
        return answer_of(
            olga.client.post(
                f"{BASE}/usage",
                input_stream=io.BytesIO(body),
                content_type="application/json",
                headers={"Authorization": f"Bearer {olga.key}"},
                environ_overrides=chunked,
            )
        )

    too_large = push(good + b" " * MAX_BODY_BYTES)

    assert too_large.status == 413
    assert stored(olga, conn, broker_url) == NOTHING
    assert push(good.ljust(MAX_BODY_BYTES)).status == 202


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Content_Type": ""},
        {"Content_Encoding": "br"},
        {"Content_Encoding": "gzip, gzip"},
    ],
)
def test_other_types_and_encodings_are_not_taken(
    olga: Person, headers: dict[str, str]
) -> None:
    answer = olga.push_bytes((WRAPPED % ONE).encode(), **headers)

    assert answer.status == 415
