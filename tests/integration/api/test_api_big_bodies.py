"""Large bodies wait for each other, and cost other services nothing (P12, P15)."""

import json
import threading

from flask import Flask

from ingest_api.api import EXTENSION
from ingest_api.publishing import ANSWER_SECONDS, PUBLISH_SECONDS
from ingest_api.push import BIG_BODY_BYTES
from tests.api_world import Person, counter

_ITEMS = [counter(f"t{number}") for number in range(6_000)]
BIG = json.dumps({"counters": _ITEMS}).encode()


def test_a_large_body_that_others_keep_waiting_is_told_so_and_nobody_else(
    app: Flask, olga: Person, mallory: Person
) -> None:
    assert len(BIG) > BIG_BODY_BYTES
    with app.extensions[EXTENSION].big_bodies:
        answer = mallory.push_bytes(BIG)
        beside = olga.push(counter("t"))

    assert (answer.status, answer.body["code"]) == (503, "too_busy")
    assert answer.headers["Retry-After"] == "1"
    assert beside.status == 202


def test_a_large_body_that_had_to_wait_still_has_its_time_with_the_broker(
    app: Flask, olga: Person
) -> None:
    waited = (ANSWER_SECONDS - PUBLISH_SECONDS) / 2
    place = app.extensions[EXTENSION].big_bodies
    place.acquire()
    threading.Timer(waited, place.release).start()

    assert olga.push_bytes(BIG).status == 202
