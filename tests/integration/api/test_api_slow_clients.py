"""Slow clients cost others nothing: raw sockets on a real gunicorn (P15)."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPResponse
from typing import Any

import httpx
import pytest

from ingest_api.arrival import COLLECTED_BODY_BYTES, MAX_HEAD_BYTES
from tests.api_server import ApiServer, read_to_end, running_api
from tests.api_world import BASE, Person, counter

MANY = 20
THREADS = 4


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, database_url: str, broker_url: str
) -> Iterator[ApiServer]:
    folder = tmp_path_factory.mktemp("gunicorn")
    with running_api(folder, database_url, broker_url, THREADS) as server:
        yield server


@pytest.fixture
def clients() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def head(key: str, *more: str) -> bytes:
    lines = [
        f"POST {BASE}/usage HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {key}",
        "Content-Type: application/json",
        *more,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def body_of(answer: bytes) -> Any:
    return json.loads(answer.partition(b"\r\n\r\n")[2])


def batch(transaction_id: str) -> bytes:
    return json.dumps({"counters": [counter(transaction_id)]}).encode()


def others_are_served(server: ApiServer, olga: Person) -> None:
    headers = {"Authorization": f"Bearer {olga.key}"}
    with httpx.Client(base_url=server.url, headers=headers, trust_env=False) as client:
        for path in ("/health", "/metrics", f"{BASE}/batches/{'0' * 32}"):
            assert client.get(path).status_code < 500
        pushed = {"counters": [counter("t-others")]}
        assert client.post(f"{BASE}/usage", json=pushed).status_code == 202


@pytest.mark.parametrize(
    "begun",
    [
        ["Content-Length: 1000"],
        ["Content-Length: 1000000"],
        ["Transfer-Encoding: chunked"],
        ["Content-Length: 10", "Expect: 100-continue"],
    ],
)
def test_bodies_that_do_not_come_leave_threads_for_others(
    server: ApiServer, olga: Person, clients: ExitStack, begun: list[str]
) -> None:
    slow = [
        clients.enter_context(server.connect(head(olga.key, *begun) + b"{"))
        for _ in range(MANY)
    ]

    for _ in range(3):
        others_are_served(server, olga)
    assert len(slow) == MANY


def test_a_body_too_many_is_told_to_come_again_at_once(
    server: ApiServer, olga: Person, clients: ExitStack
) -> None:
    begun = head(olga.key, "Content-Length: 1000000") + b"{"
    slow = [clients.enter_context(server.connect(begun)) for _ in range(MANY)]

    answers = [read_to_end(client) for client in slow]

    refused = [answer for answer in answers if b" 503 " in answer[:20]]
    waited = [answer for answer in answers if b" 408 " in answer[:20]]
    assert len(refused) + len(waited) == MANY
    assert len(waited) == THREADS - 2
    assert b"\r\nRetry-After: 1\r\n" in refused[0]
    assert body_of(refused[0])["code"] == "too_many_slow_bodies"
    assert body_of(waited[0]) == {
        "status": 408,
        "error": "Request Timeout",
        "code": "request_timeout",
        "message": body_of(waited[0])["message"],
    }


@pytest.mark.parametrize(
    "sent", [b"", b"GET /health HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nA: "]
)
def test_heads_that_do_not_come_leave_threads_for_others(
    server: ApiServer, olga: Person, clients: ExitStack, sent: bytes
) -> None:
    slow = [clients.enter_context(server.connect(sent)) for _ in range(MANY)]

    others_are_served(server, olga)
    assert len(slow) == MANY


def test_a_head_that_does_not_come_whole_is_given_up(
    server: ApiServer, clients: ExitStack
) -> None:
    begun = clients.enter_context(server.connect(b"GET /health HTTP/1.1\r\n"))
    silent = clients.enter_context(server.connect())

    answer = read_to_end(begun)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert body_of(answer)["code"] == "request_timeout"
    assert read_to_end(silent) == b""


def test_bodies_nobody_reads_leave_threads_for_others(
    server: ApiServer, olga: Person, clients: ExitStack
) -> None:
    begun = head("fb_no_key", "Content-Length: 100000") + b"{"
    slow = [clients.enter_context(server.connect(begun)) for _ in range(MANY)]

    others_are_served(server, olga)

    assert {read_to_end(client)[:13] for client in slow} == {b"HTTP/1.1 401 "}


def test_a_head_without_end_is_refused(server: ApiServer, clients: ExitStack) -> None:
    endless = b"GET /health HTTP/1.1\r\nA: " + b"a" * (2 * MAX_HEAD_BYTES)

    answer = read_to_end(clients.enter_context(server.connect(endless)))

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert body_of(answer)["code"] == "head_too_large"


@pytest.mark.parametrize("padding", [0, COLLECTED_BODY_BYTES, 3_000_000])
def test_a_body_in_pieces_is_taken_whole(
    server: ApiServer, olga: Person, clients: ExitStack, padding: int
) -> None:
    body = batch(f"t-{padding}") + b" " * padding
    sent = head(olga.key, f"Content-Length: {len(body)}", "Connection: close") + body
    client = clients.enter_context(server.connect())
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    size = max(7, len(sent) // 50)

    for start in range(0, len(sent), size):
        client.sendall(sent[start : start + size])

    answer = read_to_end(client)
    assert answer.startswith(b"HTTP/1.1 202 "), answer
    assert body_of(answer)["batch"]["accepted"] == 1


def test_requests_sent_close_behind_each_other_are_all_answered(
    server: ApiServer, olga: Person, clients: ExitStack
) -> None:
    body = batch("t-pipelined")
    push = head(olga.key, f"Content-Length: {len(body)}") + body
    last = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    answer = read_to_end(clients.enter_context(server.connect(push * 9 + last)))

    assert answer.count(b"HTTP/1.1 202 ") == 9
    assert answer.count(b"HTTP/1.1 200 ") == 1


def test_a_connection_is_kept_for_the_next_request(
    server: ApiServer, olga: Person, clients: ExitStack
) -> None:
    body = batch("t-kept")
    push = head(olga.key, f"Content-Length: {len(body)}") + body
    client = clients.enter_context(server.connect())

    for _ in range(3):
        client.sendall(push[:40])
        client.sendall(push[40:])
        answer = HTTPResponse(client)
        answer.begin()
        assert (answer.status, answer.will_close) == (202, False)
        answer.read()
