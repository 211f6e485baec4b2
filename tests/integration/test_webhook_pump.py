"""The pump against real receivers and a real PostgreSQL."""

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from standardwebhooks import Webhook

from ledger.db import Connection
from ledger.endpoints import disable_endpoint, enable_endpoint, list_endpoints
from ledger.outbox import enqueue_event
from ledger.retries import SCHEDULE
from ledger.webhooks import IN_FLIGHT_TOTAL
from tests.ledger_world import World, make_world
from tests.waiting import wait_until
from tests.webhook_world import (
    add_endpoint,
    attempts,
    enqueue,
    make_due,
    receiving,
    respond,
    run_pump,
    states,
)


@pytest.fixture
def world(conn: Connection) -> World:
    return make_world(conn)


def test_an_event_is_delivered_once_and_verifies(
    conn: Connection, world: World, database_url: str
) -> None:
    with receiving(respond(204)) as receiver:
        _, secret = add_endpoint(conn, world.code, receiver.url)
        data = {"text": "\u00e9\u20ac\U0001f600", "amount": "1.0075"}
        enqueue_event(conn, world.service_id, "invoice.paid", data, datetime.now(UTC))
        conn.commit()

        summary = run_pump(database_url)
        again = run_pump(database_url)

    assert (summary.claimed, summary.delivered) == (1, 1)
    assert again.claimed == 0
    (request,) = receiver.requests
    event = Webhook(secret).verify(request.body, dict(request.headers))
    assert (event["type"], event["data"]) == ("invoice.paid", data)
    assert request.headers["content-type"] == "application/json"
    stored = conn.execute("SELECT id, body FROM webhook_message").fetchone()
    assert stored == (request.id, request.body)
    assert attempts(conn) == [(1, 204, "delivered")]


def test_an_endpoint_gets_the_types_it_asked_for(
    conn: Connection, world: World, database_url: str
) -> None:
    with receiving(respond(200)) as wanting, receiving(respond(200)) as other:
        add_endpoint(conn, world.code, wanting.url, "invoice.paid")
        add_endpoint(conn, world.code, other.url, "invoice.created")
        enqueue(conn, world.service_id)

        run_pump(database_url)

    assert (len(wanting.requests), len(other.requests)) == (1, 0)


def test_a_failure_is_tried_again_under_the_same_id(
    conn: Connection, world: World, database_url: str
) -> None:
    def answer(handler: BaseHTTPRequestHandler, earlier: int) -> None:
        respond(200 if earlier else 500, b"out of order")(handler, earlier)

    with receiving(answer) as receiver:
        _, secret = add_endpoint(conn, world.code, receiver.url)
        enqueue(conn, world.service_id)

        first = run_pump(database_url)
        too_early = run_pump(database_url)
        make_due(conn)
        second = run_pump(database_url)

    assert (first.failed, too_early.claimed, second.delivered) == (1, 0, 1)
    failed, delivered = receiver.requests
    assert (failed.id, failed.body) == (delivered.id, delivered.body)
    Webhook(secret).verify(delivered.body, dict(delivered.headers))
    assert attempts(conn) == [(1, 500, "http_status"), (2, 200, "delivered")]
    row = conn.execute(
        "SELECT response FROM webhook_attempt ORDER BY attempt"
    ).fetchone()
    assert row == ("out of order",)


def test_the_retry_after_of_an_overloaded_receiver_is_kept(
    conn: Connection, world: World, database_url: str
) -> None:
    with receiving(respond(429, retry_after="3600")) as receiver:
        add_endpoint(conn, world.code, receiver.url)
        enqueue(conn, world.service_id)
        before = datetime.now(UTC)

        run_pump(database_url)

    row = conn.execute("SELECT due_at FROM webhook_delivery").fetchone()
    assert row is not None
    assert row[0] - before >= timedelta(hours=1)


def test_an_exhausted_delivery_is_dead_and_in_the_dead_letters(
    conn: Connection, world: World, database_url: str
) -> None:
    with receiving(respond(503, b"closed\0for good")) as receiver:
        endpoint_id, _ = add_endpoint(conn, world.code, receiver.url)
        enqueue(conn, world.service_id)
        for _ in SCHEDULE:
            make_due(conn)
            summary = run_pump(database_url)

        make_due(conn)
        after = run_pump(database_url)

    assert (summary.dead, after.claimed) == (1, 0)
    assert len(receiver.requests) == len(SCHEDULE)
    assert len(receiver.ids) == 1
    assert states(conn) == {"dead": 1}
    letter = conn.execute(
        "SELECT kind, service_id, source_id, reason, detail, attempts, payload"
        " FROM dead_letter"
    ).fetchone()
    assert letter is not None
    (message_id,) = receiver.ids
    assert letter[:6] == (
        "webhook",
        world.service_id,
        f"{endpoint_id}/{message_id}",
        "http_status",
        "HTTP 503: closed\ufffdfor good",
        10,
    )
    assert json.loads(letter[6]["body"])["type"] == "invoice.paid"


def test_410_disables_the_endpoint_until_it_is_enabled(
    conn: Connection, world: World, database_url: str
) -> None:
    def answer(handler: BaseHTTPRequestHandler, earlier: int) -> None:
        respond(200 if earlier else 410)(handler, earlier)

    with receiving(answer) as receiver, receiving(respond(200)) as other:
        endpoint_id, _ = add_endpoint(conn, world.code, receiver.url)
        add_endpoint(conn, world.code, other.url)
        enqueue(conn, world.service_id)
        run_pump(database_url)
        enqueue(conn, world.service_id)
        make_due(conn)
        run_pump(database_url)
        disabled = [row for row in list_endpoints(conn) if not row.enabled]
        asked_while_disabled = len(receiver.requests)

        enable_endpoint(conn, endpoint_id)
        conn.commit()
        run_pump(database_url)

    assert [(row.id, row.pending) for row in disabled] == [(endpoint_id, 1)]
    assert disabled[0].disabled_reason == "answered 410 Gone"
    assert asked_while_disabled == 1
    assert len(other.requests) == 2
    assert states(conn) == {"delivered": 3}


def test_a_hanging_endpoint_delays_no_other(
    conn: Connection, world: World, database_url: str
) -> None:
    release = threading.Event()

    def hang(handler: BaseHTTPRequestHandler, earlier: int) -> None:
        release.wait(30)
        respond(200)(handler, earlier)

    with (
        receiving(hang) as hanging,
        receiving(respond(200)) as prompt,
        ThreadPoolExecutor(1) as threads,
    ):
        add_endpoint(conn, world.code, hanging.url)
        add_endpoint(conn, world.code, prompt.url)
        enqueue(conn, world.service_id, 300)
        run = threads.submit(run_pump, database_url)
        try:
            wait_until(lambda: len(prompt.requests) == 300, "the prompt one has all")
            held = len(hanging.requests)
        finally:
            release.set()
        summary = run.result()

    assert held <= 16
    assert summary.delivered == 600
    assert set(hanging.ids.values()) == {1}


def test_what_falls_due_while_the_pump_runs_is_sent_by_it(
    conn: Connection, world: World, database_url: str
) -> None:
    with receiving(respond(200)) as receiver, ThreadPoolExecutor(1) as threads:
        add_endpoint(conn, world.code, receiver.url)
        enqueue(conn, world.service_id)
        run = threads.submit(run_pump, database_url, linger_seconds=3)
        wait_until(lambda: len(receiver.requests) == 1, "the first one")

        enqueue(conn, world.service_id)
        summary = run.result()

    assert summary.delivered == 2


def test_while_one_pump_claims_another_returns_and_while_it_drains_the_next_claims(
    conn: Connection, world: World, database_url: str
) -> None:
    release = threading.Event()

    def hang(handler: BaseHTTPRequestHandler, earlier: int) -> None:
        release.wait(30)
        respond(200)(handler, earlier)

    with (
        receiving(hang) as hanging,
        receiving(respond(200)) as prompt,
        ThreadPoolExecutor(1) as threads,
    ):
        slow, _ = add_endpoint(conn, world.code, hanging.url)
        enqueue(conn, world.service_id)
        run = threads.submit(run_pump, database_url, seconds=1)
        try:
            wait_until(lambda: len(hanging.requests) == 1, "one in flight")
            beside_it = run_pump(database_url)
            wait_until(lambda: run_pump(database_url).led, "the first one drains")
            disable_endpoint(conn, slow, datetime.now(UTC), "test")
            add_endpoint(conn, world.code, prompt.url)
            enqueue(conn, world.service_id)
            after_it = run_pump(database_url)
            first_still_ran = not run.done()
        finally:
            release.set()
        first = run.result()

    assert not beside_it.led
    assert first_still_ran
    assert (after_it.delivered, first.delivered) == (1, 1)
    assert set((hanging.ids + prompt.ids).values()) == {1}


def test_ten_endpoints_that_hang_keep_no_other_waiting(
    conn: Connection, world: World, database_url: str
) -> None:
    arrived, release = threading.Semaphore(0), threading.Event()

    def hang(handler: BaseHTTPRequestHandler, earlier: int) -> None:
        arrived.release()
        release.wait(60)
        respond(200)(handler, earlier)

    with receiving(hang) as dead, receiving(respond(200)) as good:
        for number in range(10):
            add_endpoint(conn, world.code, f"{dead.url}/{number}")
        enqueue(conn, world.service_id, 20)
        with ThreadPoolExecutor(1) as executor:
            pumping = executor.submit(run_pump, database_url, seconds=10)
            for _ in range(IN_FLIGHT_TOTAL):
                assert arrived.acquire(timeout=20)

            add_endpoint(conn, world.code, good.url)
            enqueue(conn, world.service_id, 30)
            wait_until(lambda: len(good.requests) == 30, "all reach the good one", 9)
            hanging = not release.is_set() and len(dead.requests) == IN_FLIGHT_TOTAL
            release.set()
            pumping.result()

    assert hanging


def test_names_that_nobody_answers_for_keep_no_other_waiting(
    conn: Connection,
    world: World,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, release = threading.Semaphore(0), threading.Event()
    look_up = socket.getaddrinfo
    dead_names = 40

    def look_up_slowly(host: str | bytes | None, *args: Any, **kwargs: Any) -> Any:
        if str(host).startswith("dead-"):
            asked.release()
            release.wait(60)
            raise socket.gaierror(socket.EAI_AGAIN, "nobody answers")
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up_slowly)
    with receiving(respond(200)) as good:
        for number in range(dead_names):
            add_endpoint(conn, world.code, f"https://dead-{number}.example/")
        enqueue(conn, world.service_id)
        with ThreadPoolExecutor(1) as executor:
            pumping = executor.submit(run_pump, database_url, seconds=10)
            try:
                for _ in range(dead_names):
                    assert asked.acquire(timeout=8)
                url = good.url.replace("127.0.0.1", "localhost")
                add_endpoint(conn, world.code, url)
                enqueue(conn, world.service_id)
                wait_until(lambda: len(good.requests) == 1, "the good one", 8)
            finally:
                release.set()
            pumping.result()
