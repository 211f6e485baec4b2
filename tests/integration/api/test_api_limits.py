"""Who may ask, how often, and what happens when the queue is too deep."""

import pytest
import redis
from flask import Flask

from ledger.db import Connection
from ledger.keys import revoke_key
from schemas.messages import USAGE_QUEUE
from tests.api_world import (
    BASE,
    Person,
    answer_of,
    counter,
    make_person,
    running_app,
)


def test_a_key_is_good_until_it_is_revoked(olga: Person, conn: Connection) -> None:
    assert olga.push(counter("t-1")).status == 202

    revoke_key(conn, olga.key.split("_")[1])
    conn.commit()

    assert olga.push(counter("t-2")).status == 401


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic Zm9v",
        "Bearer fb_",
        "Bearer fb_x_y",
        "Bearer xx_1_2",
        "Bearer fb_é_x",
        "Bearer fb_\0_x",
        "Bearer " + "fb_x_" + "y" * 10_000,
    ],
)
def test_without_a_good_key_there_is_nothing_to_see(
    app: Flask, olga: Person, header: str
) -> None:
    headers = {"Authorization": header} if header else {}

    answer = answer_of(app.test_client().post(f"{BASE}/usage", headers=headers))

    assert answer.status == 401
    assert answer.body == {"status": 401, "error": "Unauthorized"}
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_wrong_secret_with_a_right_prefix_is_refused(
    app: Flask, olga: Person
) -> None:
    wrong = Person(olga.service, olga.service_id, olga.key[:-1] + "~", olga.client)

    assert wrong.push(counter("t")).status == 401


def test_a_key_over_its_rate_is_told_when_to_come_back(
    conn: Connection, database_url: str, broker_url: str
) -> None:
    slow = {"DATABASE_URL": database_url, "FUSION_RATE_LIMIT_PER_SECOND": "2"}
    with running_app(broker_url, **slow) as app:
        hasty, calm = make_person(app, conn), make_person(app, conn)

        answers = [hasty.get("/batches/x") for _ in range(10)]
        others = calm.get("/batches/x")

    refused = [answer for answer in answers if answer.status == 429]
    assert refused
    assert refused[0].body["code"] == "rate_limit_exceeded"
    assert refused[0].headers["X-RateLimit-Limit"] == "1"
    assert refused[0].headers["X-RateLimit-Remaining"] == "0"
    assert int(refused[0].headers["Retry-After"]) >= 1
    assert answers[0].headers["X-RateLimit-Remaining"] == "0"
    assert others.status == 404


def test_a_queue_that_is_too_deep_takes_no_more(
    conn: Connection, database_url: str, broker_url: str
) -> None:
    shallow = {"DATABASE_URL": database_url, "FUSION_MAX_QUEUE_BATCHES": "3"}
    with (
        redis.Redis.from_url(broker_url) as client,
        running_app(broker_url, **shallow) as app,
    ):
        client.delete(USAGE_QUEUE)
        client.lpush(USAGE_QUEUE, "old", "old", "old")
        olga = make_person(app, conn)

        deep = olga.push(counter("t"))
        depth = client.llen(USAGE_QUEUE)
        client.delete(USAGE_QUEUE)

    assert deep.status == 429
    assert deep.body["code"] == "queue_too_deep"
    assert int(deep.headers["Retry-After"]) >= 1
    assert deep.headers["X-RateLimit-Remaining"] == "0"
    assert depth == 3
