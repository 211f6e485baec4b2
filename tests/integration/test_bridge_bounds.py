"""No answer of Odoo's holds the bridge longer, or makes it larger, than is set."""

import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from odoo_bridge.client import OdooClient, connect
from odoo_bridge.errors import (
    OdooError,
    OdooTimeoutError,
    OdooTooLargeError,
    OdooUnavailableError,
)
from tests.bridge_world import PROTOCOLS, settings_for
from tests.certificates import make_authority
from tests.webhook_world import receiving, respond

SEVEN = (
    b"<?xml version='1.0'?><methodResponse><params><param><value><int>7</int></value>"
    b"</param></params></methodResponse>"
)
ANSWERS = {"json2": (b"7", "application/json"), "xmlrpc": (SEVEN, "text/xml")}

Handler = BaseHTTPRequestHandler


def ask(client: OdooClient, rows: int = 0) -> object:
    """One call."""
    return client.call("m", "f", rows=["x" * 1000] * rows)


def drip(handler: Handler, start: bytes, piece: bytes) -> None:
    """The start, and then a piece every tenth of a second, for a minute."""
    handler.wfile.write(start)
    for _ in range(600):
        handler.wfile.write(piece)
        time.sleep(0.1)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
DRIPS: dict[str, Callable[[Handler], None]] = {
    "head": lambda handler: drip(handler, HEAD, b"X-A: b\r\n"),
    "body": lambda handler: drip(handler, HEAD + b"Content-Length: 9999\r\n\r\n", b"7"),
    "open end": lambda handler: drip(
        handler, HEAD + b"Connection: close\r\n\r\n", b"7"
    ),
    "chunks": lambda handler: drip(
        handler, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n7\r\n"
    ),
    "nothing": lambda handler: time.sleep(5),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", DRIPS)
def test_an_answer_in_drops_ends_with_the_time_of_the_whole_call(
    protocol: str, kind: str
) -> None:
    with receiving(lambda handler, _: DRIPS[kind](handler)) as odoo:
        settings = settings_for(
            f"http://127.0.0.1:{odoo.port}",
            ODOO_PROTOCOL=protocol,
            ODOO_TIMEOUT_SECONDS="1",
        )
        began = time.monotonic()
        with connect(settings) as client, pytest.raises(OdooTimeoutError):
            ask(client)

        assert time.monotonic() - began < 2
        assert len(odoo.requests) == 1


@pytest.mark.parametrize("kind", ["head", "body"])
def test_and_over_tls_as_well(tmp_path: Path, kind: str) -> None:
    authority, context = make_authority(tmp_path, "127.0.0.1")
    with receiving(lambda handler, _: DRIPS[kind](handler), context) as odoo:
        settings = settings_for(
            f"https://127.0.0.1:{odoo.port}",
            ODOO_CA_FILE=str(authority),
            ODOO_TIMEOUT_SECONDS="1",
        )
        began = time.monotonic()
        with connect(settings) as client, pytest.raises(OdooTimeoutError):
            ask(client)

        assert time.monotonic() - began < 2


def test_a_kept_connection_is_cut_as_a_new_one_is() -> None:
    def answer(handler: Handler, earlier: int) -> None:
        first = respond(200, b"7", content_type="application/json")
        first(handler, earlier) if earlier == 0 else DRIPS["head"](handler)

    with receiving(answer) as odoo:
        url = f"http://127.0.0.1:{odoo.port}"
        settings = settings_for(url, ODOO_TIMEOUT_SECONDS="1")
        with connect(settings) as client:
            assert ask(client) == 7
            began = time.monotonic()
            with pytest.raises(OdooTimeoutError):
                ask(client)

        assert time.monotonic() - began < 2


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_client_goes_on_after_a_call_that_was_cut(protocol: str) -> None:
    body, kind = ANSWERS[protocol]

    def answer(handler: Handler, earlier: int) -> None:
        well = respond(200, body, content_type=kind)
        DRIPS["body"](handler) if earlier == 0 else well(handler, earlier)

    with receiving(answer) as odoo:
        url = f"http://127.0.0.1:{odoo.port}"
        settings = settings_for(url, ODOO_PROTOCOL=protocol, ODOO_TIMEOUT_SECONDS="1")
        with connect(settings) as client:
            with pytest.raises(OdooTimeoutError):
                ask(client)

            assert ask(client) == 7


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_answer_without_end_is_not_read_to_it(protocol: str) -> None:
    def flood(handler: Handler, _: int) -> None:
        handler.wfile.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        while True:
            handler.wfile.write(b"100000\r\n" + b" " * 0x100000 + b"\r\n")

    with receiving(flood) as odoo:
        url = f"http://127.0.0.1:{odoo.port}"
        with (
            connect(settings_for(url, ODOO_PROTOCOL=protocol)) as client,
            pytest.raises(OdooTooLargeError, match="32 MiB"),
        ):
            ask(client)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_calls_share_one_connection_where_the_server_keeps_it(protocol: str) -> None:
    clients = set()
    body, kind = ANSWERS[protocol]

    def answer(handler: Handler, earlier: int) -> None:
        clients.add(handler.client_address)
        respond(200, body, content_type=kind)(handler, earlier)

    with receiving(answer) as odoo:
        url = f"http://127.0.0.1:{odoo.port}"
        with connect(settings_for(url, ODOO_PROTOCOL=protocol)) as client:
            assert [ask(client, rows=100) for _ in range(20)] == [7] * 20

        assert len(odoo.requests) == 20 + (protocol == "xmlrpc")
        assert len(clients) == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0.0),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0"}, 0.0),
        ({"retry_after": "99999999"}, 900.0),
        ({"retry_after": "9" * 400}, 900.0),
        ({"retry_after": "-5"}, 0.0),
        ({"retry_after": "1.5"}, 0.0),
        ({"retry_after": "soon"}, 0.0),
        ({"retry_after": "Wed, 21 Oct 2037 07:28:00 GMT"}, 900.0),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry_after": "Wed, 99 Foo 2015"}, 0.0),
    ],
)
def test_how_long_odoo_asks_to_be_left_alone(
    protocol: str, status: int, headers: dict[str, str], seconds: float
) -> None:
    with receiving(respond(status, b"", **headers)) as odoo:
        settings = settings_for(f"http://127.0.0.1:{odoo.port}", ODOO_PROTOCOL=protocol)
        with connect(settings) as client, pytest.raises(OdooUnavailableError) as raised:
            ask(client)

    assert raised.value.retry_after_seconds == seconds


def test_a_call_that_may_be_repeated_leaves_odoo_alone_as_it_asks() -> None:
    with receiving(respond(503, retry_after="600")) as odoo:
        url = f"http://127.0.0.1:{odoo.port}"
        with connect(settings_for(url)) as client, pytest.raises(OdooError):
            client.repeat("m", "f")

        assert len(odoo.requests) == 1
