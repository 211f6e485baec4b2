"""The same request again: one batch, one answer, counted once."""

import gzip
import json
import threading
from typing import Any

import pytest
from flask import Flask

from ledger.db import Connection
from tests.api_world import Person, counter, queued_messages, work_off

ONE = json.dumps({"counters": [counter("t")]}).encode()
TWO = json.dumps({"counters": [counter("t"), {"transaction_id": "bad"}]}).encode()


def test_the_same_key_and_body_is_one_batch_with_one_answer(
    olga: Person, database_url: str, broker_url: str
) -> None:
    first = olga.push_bytes(TWO, Idempotency_Key="k-1")
    again = olga.push_bytes(
        gzip.compress(TWO), Idempotency_Key="k-1", Content_Encoding="gzip"
    )
    other = olga.push_bytes(ONE, Idempotency_Key="k-1")
    tally = work_off(database_url, broker_url, olga.service_id)

    assert (first.status, again.status) == (202, 202)
    assert first.body == again.body
    assert other.status == 422
    assert other.body["code"] == "idempotency_key_reused"
    assert tally == {"applied": 1, "rejected": 1}


def test_a_try_that_died_after_publishing_is_the_same_batch_when_repeated(
    olga: Person, conn: Connection, database_url: str, broker_url: str
) -> None:
    first = olga.push_bytes(ONE, Idempotency_Key="k")
    conn.execute(
        "UPDATE idempotency_key SET answer = NULL WHERE service_id = %s",
        (olga.service_id,),
    )
    conn.commit()

    again = olga.push_bytes(ONE, Idempotency_Key="k")
    published = queued_messages(broker_url, olga.service_id)
    tally = work_off(database_url, broker_url, olga.service_id)

    assert again.body == first.body
    assert len(published) == 2
    assert published[0] == published[1]
    assert tally == {"applied": 1}


def test_the_same_key_twice_at_once_is_one_batch(
    app: Flask, olga: Person, database_url: str, broker_url: str
) -> None:
    answers: list[Any] = []
    together = threading.Barrier(4)

    def push() -> None:
        person = Person(olga.service, olga.service_id, olga.key, app.test_client())
        together.wait()
        answers.append(person.push_bytes(ONE, Idempotency_Key="k").body)

    threads = [threading.Thread(target=push) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = {
        message["batch_id"] for message in queued_messages(broker_url, olga.service_id)
    }

    assert len(answers) == 4
    assert all(answer == answers[0] for answer in answers)
    assert ids == {answers[0]["batch"]["id"]}
    assert work_off(database_url, broker_url, olga.service_id) == {"applied": 1}


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "é"])
def test_an_idempotency_key_is_visible_ascii(olga: Person, key: str) -> None:
    answer = olga.push_bytes(ONE, Idempotency_Key=key)

    assert answer.status == 422
    assert list(answer.body["error_details"]) == ["Idempotency-Key"]
