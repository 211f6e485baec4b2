"""Events when a dependency is away or busy: a 503 or a kept promise (P1), no hang."""

import threading
from typing import Any

import psycopg
import pytest
import redis
from flask import Flask

from ledger.db import Connection
from schemas.messages import USAGE_QUEUE
from tests.api_world import (
    Answer,
    Person,
    counter,
    make_person,
    queued_messages,
    running_app,
    work_off,
)
from tests.embedded_servers import PostgresServer, new_database

EVENT = {
    "transaction_id": "e",
    "external_subscription_id": "ada-1",
    "code": "count",
}
SENT: list[tuple[str, Any]] = [
    ("/events", {"event": EVENT}),
    ("/events/batch", {"events": [EVENT]}),
]


@pytest.mark.parametrize(("path", "body"), SENT)
def test_without_a_broker_no_event_is_taken(
    database_url: str, conn: Connection, path: str, body: Any
) -> None:
    with running_app("redis://127.0.0.1:1/0", DATABASE_URL=database_url) as app:
        olga = make_person(app, conn)

        answer = olga.post(path, body)

    assert (answer.status, answer.body["code"]) == (503, "broker_unavailable")


def test_a_known_key_sends_events_while_the_database_is_away(
    postgres_server: PostgresServer, template_database: str, broker_url: str
) -> None:
    """The books are what is asked for reads; the events wait in the broker."""
    with new_database(postgres_server, "test_events_away", template_database) as url:
        with running_app(broker_url, DATABASE_URL=url) as app:
            with psycopg.connect(url) as conn:
                olga = make_person(app, conn)
            assert olga.push(counter("first")).status == 202
            with psycopg.connect(
                postgres_server.url("postgres"), autocommit=True
            ) as admin:
                admin.execute("ALTER DATABASE test_events_away ALLOW_CONNECTIONS false")
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = 'test_events_away'"
                )
                try:
                    taken = [olga.post(path, body) for path, body in SENT]
                    reads = [olga.get("/events"), olga.get("/events/e")]
                finally:
                    admin.execute(
                        "ALTER DATABASE test_events_away ALLOW_CONNECTIONS true"
                    )

        assert [answer.status for answer in taken] == [200, 200]
        assert [answer.status for answer in reads] == [503, 503]
        assert len(queued_messages(broker_url, olga.service_id)) == 3
        tally = work_off(url, broker_url, olga.service_id)
        assert (tally["applied"], tally["duplicate"]) == (2, 1)


@pytest.mark.parametrize(("path", "body"), SENT)
def test_a_queue_that_is_too_deep_takes_no_more_events(
    conn: Connection, database_url: str, broker_url: str, path: str, body: Any
) -> None:
    shallow = {"DATABASE_URL": database_url, "FUSION_MAX_QUEUE_BATCHES": "1"}
    with (
        redis.Redis.from_url(broker_url) as client,
        running_app(broker_url, **shallow) as app,
    ):
        client.delete(USAGE_QUEUE)
        client.lpush(USAGE_QUEUE, "old")
        olga = make_person(app, conn)

        deep = olga.post(path, body)
        client.delete(USAGE_QUEUE)

    assert (deep.status, deep.body["code"]) == (429, "queue_too_deep")


def test_a_list_that_takes_too_long_asks_for_less_and_holds_up_nobody(
    app: Flask, olga: Person, database_url: str
) -> None:
    """Here it takes long because somebody has the table for themselves."""
    answers: list[Answer] = []
    asking = threading.Thread(target=lambda: answers.append(olga.get("/events")))
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE counter IN ACCESS EXCLUSIVE MODE")
        asking.start()
        asking.join()
        others = olga.get("/batches/x")

    assert answers[0].status == 422
    assert answers[0].body["error_details"] == {
        "external_subscription_id": ["value_is_mandatory"]
    }
    assert others.status == 404
    assert olga.get("/events").status == 200
