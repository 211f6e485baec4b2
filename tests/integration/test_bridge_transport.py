"""One request per call over both protocols, and a clear error for every bad answer."""

from typing import Any

import pytest

from odoo_bridge.client import connect
from odoo_bridge.errors import (
    OdooAccessError,
    OdooAuthenticationError,
    OdooError,
    OdooInvalidError,
    OdooMisconfiguredError,
    OdooMissingError,
    OdooTimeoutError,
    OdooTooLargeError,
    OdooUnavailableError,
    OdooUnreachableError,
)
from tests.bridge_world import PROTOCOLS, settings_for, target_settings
from tests.contract.odoo_target import OdooTarget
from tests.scripted_server import (
    CLOSE,
    HANG,
    Answer,
    closed_port_url,
    http_answer,
    scripted_server,
)

XML = "text/xml"
LOGGED_IN = http_answer(
    b"<?xml version='1.0'?><methodResponse><params><param><value><int>7</int></value>"
    b"</param></params></methodResponse>",
    kind=XML,
)
PAGE = b"<html><title>Sign in</title></html>"


def failure(protocol: str, answer: Answer, **settings: str) -> tuple[OdooError, int]:
    """The error of one call that is answered so, and how many requests it made.

    XML-RPC logs in first; that request is answered well and not counted.
    """
    logins = [LOGGED_IN] if protocol == "xmlrpc" else []
    with scripted_server(*logins, answer) as server:
        target = settings_for(server.url, ODOO_PROTOCOL=protocol, **settings)
        with connect(target) as client, pytest.raises(OdooError) as raised:
            client.call("res.partner", "search_count", domain=[])
        return raised.value, len(server.requests) - len(logins)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (CLOSE, OdooUnavailableError),
        (b"HTTP/1.1 200 OK\r\nContent-Le", OdooUnavailableError),
        (http_answer(b"no", "502 Bad Gateway", "text/html"), OdooUnavailableError),
        (http_answer(b"", "503 Service Unavailable", ""), OdooUnavailableError),
        (http_answer(b"", "429 Too Many Requests", ""), OdooUnavailableError),
        (http_answer(PAGE, kind="text/html"), OdooMisconfiguredError),
        (http_answer(PAGE, "404 Not Found", "text/html"), OdooMisconfiguredError),
        (http_answer(PAGE, "413 Too Large", "text/html"), OdooTooLargeError),
        (
            http_answer(b"", "303 See Other", "text/html", Location="/web/login"),
            OdooMisconfiguredError,
        ),
        (b"SSH-2.0-OpenSSH_9.6\r\n", OdooUnavailableError),
    ],
    ids=["close", "half-head", "502", "503", "429", "page", "404", "413", "303", "ssh"],
)
def test_a_bad_answer_is_one_request_and_one_error(
    protocol: str, answer: Answer, kind: type[OdooError]
) -> None:
    error, requests = failure(protocol, answer)

    assert (type(error), requests) == (kind, 1)


@pytest.mark.parametrize(
    ("protocol", "half"),
    [
        ("json2", http_answer(b'[{"id": 1, ', Content_Length="400")),
        ("json2", http_answer(b'[{"id": 1, ')),
        ("xmlrpc", http_answer(b"<?xml version='1.0'?><method", kind=XML)),
        (
            "xmlrpc",
            http_answer(b"<?xml version='1.0'?><m", kind=XML, Content_Length="400"),
        ),
    ],
)
def test_half_an_answer_is_one_request(protocol: str, half: bytes) -> None:
    error, requests = failure(protocol, half)

    assert (type(error), requests) == (OdooUnavailableError, 1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "silence",
    [HANG, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"],
    ids=["all", "body"],
)
def test_no_answer_in_time_is_one_request(protocol: str, silence: Answer) -> None:
    error, requests = failure(protocol, silence, ODOO_TIMEOUT_SECONDS="1")

    expected = OdooTimeoutError if silence is HANG else OdooUnavailableError
    assert (type(error), requests) == (expected, 1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_refused_connection_was_never_sent(protocol: str) -> None:
    target = settings_for(closed_port_url(), ODOO_PROTOCOL=protocol)

    with connect(target) as client, pytest.raises(OdooUnreachableError):
        client.call("res.partner", "search_count", domain=[])


@pytest.mark.parametrize("protocol", ["json2s", "xmlrpcs"])
def test_a_server_without_tls_is_a_wrong_url(protocol: str) -> None:
    with scripted_server(http_answer(PAGE, "400 Bad Request", "text/html")) as server:
        url = server.url.replace("http:", "https:")
        target = settings_for(url, ODOO_PROTOCOL=protocol)
        with connect(target) as client, pytest.raises(OdooMisconfiguredError):
            client.call("res.partner", "search_count", domain=[])


def test_a_protocol_with_tls_refuses_a_url_without() -> None:
    with pytest.raises(OdooMisconfiguredError, match="https"):
        connect(settings_for("http://127.0.0.1:1", ODOO_PROTOCOL="json2s"))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_repeatable_call_survives_a_lost_answer(protocol: str) -> None:
    answers = {
        "json2": [CLOSE, http_answer(b"[]")],
        "xmlrpc": [LOGGED_IN, CLOSE, LOGGED_IN],
    }
    with scripted_server(*answers[protocol]) as server:
        target = settings_for(server.url, ODOO_PROTOCOL=protocol)
        with connect(target) as client:
            assert client.repeat("m", "f", rows=[]) in ([], 7)

        assert len(server.requests) == len(answers[protocol])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_both_protocols_do_the_same_things(standin: OdooTarget, protocol: str) -> None:
    with connect(target_settings(standin, protocol)) as client:
        ids: list[int] = client.call(
            "res.partner", "create", vals_list=[{"name": "A"}, {"name": "B"}]
        )
        client.call("res.partner", "write", ids=ids, vals={"ref": protocol})
        found = client.call(
            "res.partner",
            "search_read",
            domain=[["id", "in", ids]],
            fields=["name", "ref"],
            order="id",
        )
        client.call("res.partner", "unlink", ids=ids)

    assert [(row["name"], row["ref"]) for row in found] == [
        ("A", protocol),
        ("B", protocol),
    ]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("model", "method", "named", "kind"),
    [
        ("no.model", "search_count", {"domain": []}, OdooMissingError),
        ("res.partner", "no_method", {}, OdooMissingError),
        ("res.partner", "_search", {"domain": []}, OdooAccessError),
        ("res.partner", "create", {"vals_list": [{"name": False}]}, OdooInvalidError),
        ("res.partner", "create", {"vals_list": [{"no": "x"}]}, OdooInvalidError),
        (
            "res.partner",
            "search_read",
            {"domain": [["no_field", "=", 1]]},
            OdooInvalidError,
        ),
    ],
)
def test_odoos_errors_are_the_same_over_both_protocols(
    standin: OdooTarget,
    protocol: str,
    model: str,
    method: str,
    named: dict[str, Any],
    kind: type[OdooError],
) -> None:
    target = target_settings(standin, protocol)

    with connect(target) as client, pytest.raises(OdooError) as raised:
        client.call(model, method, **named)

    assert type(raised.value) is kind


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("setting", "value", "kind"),
    [
        ("ODOO_API_KEY", "wrong", OdooAuthenticationError),
        ("ODOO_DATABASE", "nosuch", OdooMisconfiguredError),
    ],
)
def test_a_wrong_key_and_a_wrong_database_are_told_apart(
    standin: OdooTarget,
    protocol: str,
    setting: str,
    value: str,
    kind: type[OdooError],
) -> None:
    known = {
        "ODOO_DATABASE": standin.database,
        "ODOO_LOGIN": standin.login,
        "ODOO_API_KEY": standin.api_key,
        "ODOO_PROTOCOL": protocol,
    }
    target = settings_for(standin.url, **{**known, setting: value})

    with connect(target) as client, pytest.raises(OdooError) as raised:
        client.call("res.partner", "search_count", domain=[])

    assert type(raised.value) is kind
