"""A body where none is wanted breaks neither its answer nor the next (P15)."""

import json
import socket
from collections.abc import Iterator
from http.client import HTTPResponse

import pytest

from tests.api_server import ApiServer, read_to_end, running_api
from tests.api_world import BASE, Person

CHUNKED = "Transfer-Encoding: chunked"
BODIES = [
    (["Content-Length: 7"], b'{"a":1}'),
    (["Content-Length: 7", "Content-Type: application/json"], b"not{it}"),
    (["Content-Length: 3", "Content-Encoding: gzip"], b"\x1f\x8b\x08"),
    (["Content-Length: 4", "Content-Type: multipart/form-data; boundary=x"], b"--x\r"),
    (["Content-Length: 3", "Content-Type: application/x-www-form-urlencoded"], b"%FF"),
    ([CHUNKED], b"5\r\nhello\r\n0\r\n\r\n"),
]
BROKEN = [
    ([CHUNKED], b"zz\r\n"),
    ([CHUNKED], b"5\r\nhelloXX0\r\n\r\n"),
    ([CHUNKED], b"0\r\nbad trailer\r\n\r\n"),
    (["Content-Length: 100000000000000000000"], b"x"),
    (["Content-Length: -1"], b""),
    (["Content-Length: x"], b""),
    (["Content-Length: 1", "Content-Length: 2"], b"xx"),
    (["Transfer-Encoding: gzip"], b"x"),
    (["Content-Length: 1", CHUNKED], b"0\r\n\r\n"),
]
ROUTES = [
    ("GET", "/health"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("HEAD", "/health"),
    ("GET", f"{BASE}/batches/01890000-0000-7000-8000-000000000000"),
    ("GET", f"{BASE}/customers/ada/current_usage?external_subscription_id=ada-1"),
    ("GET", f"{BASE}/customers/ada/past_usage?external_subscription_id=ada-1"),
    ("DELETE", f"{BASE}/usage"),
    ("OPTIONS", f"{BASE}/usage"),
    ("POST", "/nothing"),
]


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, database_url: str, broker_url: str
) -> Iterator[ApiServer]:
    folder = tmp_path_factory.mktemp("gunicorn")
    with running_api(folder, database_url, broker_url, threads=4) as server:
        yield server


def request(key: str, method: str, path: str, lines: list[str], body: bytes) -> bytes:
    first = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {key}"]
    return "\r\n".join([*first, *lines, "", ""]).encode() + body


def read_answer(client: socket.socket, method: str) -> HTTPResponse:
    answer = HTTPResponse(client, method=method)
    answer.begin()
    answer.read()
    return answer


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_body_that_nobody_wants_is_passed_over(
    server: ApiServer, olga: Person, method: str, path: str
) -> None:
    bare = request(olga.key, method, path, [], b"")
    for lines, body in BODIES:
        with server.connect(bare) as client:
            expected = read_answer(client, method)
            client.sendall(request(olga.key, method, path, lines, body))
            answered = read_answer(client, method)
            client.sendall(bare)
            after = read_answer(client, method)

        assert expected.status < 500
        assert {answered.status, after.status} == {expected.status}, (lines, body)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_broken_body_is_no_fault_of_ours_and_gets_one_answer(
    server: ApiServer, olga: Person, method: str, path: str
) -> None:
    for lines, body in BROKEN:
        with server.connect(request(olga.key, method, path, lines, body)) as client:
            client.shutdown(socket.SHUT_WR)
            answer = read_to_end(client)

        assert answer.count(b"HTTP/1.1 ") == 1, (lines, body, answer)
        assert int(answer.split()[1]) < 500, (lines, body, answer)


@pytest.mark.parametrize(("lines", "body"), BROKEN)
def test_a_push_with_a_broken_body_is_a_bad_request(
    server: ApiServer, olga: Person, lines: list[str], body: bytes
) -> None:
    typed = [*lines, "Content-Type: application/json"]
    sent = request(olga.key, "POST", f"{BASE}/usage", typed, body)
    with server.connect(sent) as client:
        client.shutdown(socket.SHUT_WR)
        answer = read_to_end(client)

    assert answer.count(b"HTTP/1.1 ") == 1, answer
    assert int(answer.split()[1]) in (400, 413), answer


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (400, b"hello\r\n\r\n"),
        (400, b"GET /health HTTP/9.9\r\n\r\n"),
        (400, b"GET /health HTTP/1.1\r\nno header\r\n\r\n"),
        (400, b"GET /health HTTP/1.1\r\nA: \0\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n"),
        (431, b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\n\r\n"),
        (431, b"GET / HTTP/1.1\r\nA: " + b"a" * 10_000 + b"\r\n\r\n"),
        (431, b"GET / HTTP/1.1\r\n" + b"A: a\r\n" * 500 + b"\r\n"),
    ],
    ids=lambda part: repr(part[:40]) if isinstance(part, bytes) else None,
)
def test_a_head_that_cannot_be_read_gets_an_error_like_any_other(
    server: ApiServer, status: int, sent: bytes
) -> None:
    with server.connect(sent) as client:
        head, _, body = read_to_end(client).partition(b"\r\n\r\n")

    assert int(head.split()[1]) == status
    assert json.loads(body)["status"] == status
    assert len(body) < 300
