"""Whatever answers in Odoo's place: a line in the log, no traceback, and no loop."""

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from ledger.db import connect as connect_ledger
from odoo_bridge import tasks
from odoo_bridge.pace import Pace
from odoo_bridge.push import ROWS
from tests.bridge_world import PROTOCOLS, bridge_to, rollup_state
from tests.contract.odoo_target import OdooTarget
from tests.ledger_world import counter, make_message, push
from tests.scripted_server import (
    CLOSE,
    HANG,
    Answer,
    closed_port_url,
    http_answer,
    scripted_server,
)

PAGE = b"<html><title>Sign in</title></html>"
XML_HEAD = b"<?xml version='1.0'?><methodResponse><params><param><value>"
BAD_FAULT = b"<methodResponse><fault/></methodResponse>"
XML_TAIL = b"</value></param></params></methodResponse>"


def named(name: str, status: str) -> bytes:
    """An error of Odoo's own over JSON-2."""
    body = f'{{"name": "{name}", "message": "two\\nlines", "debug": "Traceback"}}'
    return http_answer(body.encode(), status)


def fault(code: int, text: str) -> bytes:
    """An error of Odoo's own over XML-RPC."""
    body = (
        "<?xml version='1.0'?><methodResponse><fault><value><struct>"
        f"<member><name>faultCode</name><value><int>{code}</int></value></member>"
        f"<member><name>faultString</name><value><string>{text}</string></value>"
        "</member></struct></value></fault></methodResponse>"
    )
    return http_answer(body.encode(), kind="text/xml")


def xml(value: bytes) -> bytes:
    """A result of XML-RPC."""
    return http_answer(XML_HEAD + value + XML_TAIL, kind="text/xml")


ANY: dict[str, tuple[Answer, str]] = {
    "html": (http_answer(PAGE, kind="text/html"), "error"),
    "404": (http_answer(PAGE, "404 Not Found", "text/html"), "error"),
    "redirect": (http_answer(b"", "302 Found", "", Location="/web/login"), "error"),
    "413": (http_answer(PAGE, "413 Too Large", "text/html"), "error"),
    "502": (http_answer(b"no", "502 Bad Gateway", "text/html"), "warning"),
    "503": (http_answer(b"", "503 Gone", "", Retry_After="30"), "warning"),
    "429": (http_answer(b"", "429 Too Many", "", Retry_After="30"), "warning"),
    "close": (CLOSE, "warning"),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-Le", "warning"),
    "hang": (HANG, "warning"),
    "gzip": (http_answer(b"no gzip", Content_Encoding="gzip"), "warning"),
    "ssh": (b"SSH-2.0-OpenSSH_9.6\r\n", "warning"),
}
JSON2: dict[str, tuple[Answer, str]] = {
    "half": (http_answer(b'[{"id": 1, ', Content_Length="400"), "warning"),
    "cut": (http_answer(b'[{"id": 1, '), "warning"),
    "empty": (http_answer(b""), "warning"),
    "deep": (http_answer(b"[" * 100_000), "warning"),
    "bytes": (http_answer(b"\xff\xfe\x00"), "warning"),
    "null": (http_answer(b"null"), "error"),
    "list": (http_answer(b"[7]"), "error"),
    "object": (http_answer(b'{"rows": 7}'), "error"),
    "text": (http_answer(b'"two\\nlines"'), "error"),
    "key": (named("werkzeug.exceptions.Unauthorized", "401 Unauthorized"), "error"),
    "right": (named("odoo.exceptions.AccessError", "403 Forbidden"), "error"),
    "method": (named("werkzeug.exceptions.NotFound", "404 Not Found"), "error"),
    "lock": (named("odoo.exceptions.LockError", "409 Conflict"), "warning"),
    "data": (named("builtins.ValueError", "500 Error"), "error"),
    "pool": (named("psycopg2.pool.PoolError", "500 Error"), "warning"),
    "no name": (http_answer(b"{}", "500 Error"), "warning"),
}
XMLRPC: dict[str, tuple[Answer, str]] = {
    "half": (http_answer(XML_HEAD, kind="text/xml", Content_Length="999"), "warning"),
    "cut": (http_answer(XML_HEAD, kind="text/xml"), "warning"),
    "empty": (http_answer(b"", kind="text/xml"), "warning"),
    "no number": (xml(b"<int>x</int>"), "warning"),
    "no value": (xml(b""), "error"),
    "none": (xml(b"<nil/>"), "error"),
    "false": (xml(b"<boolean>0</boolean>"), "error"),
    "number": (xml(b"<int>7</int>"), "error"),
    "key": (fault(3, "Access Denied"), "error"),
    "right": (fault(4, "two\nlines"), "error"),
    "data": (fault(1, "Traceback\n  x\nValueError: two\nlines"), "error"),
    "lock": (fault(1, "psycopg2.errors.SerializationFailure: x"), "warning"),
    "model": (fault(2, "Object x doesn't exist"), "error"),
    "odd fault": (http_answer(BAD_FAULT, kind="text/xml"), "warning"),
}
CASES = [
    pytest.param(protocol, *case, id=f"{protocol}-{name}")
    for protocol, own in (("json2", JSON2), ("xmlrpc", XMLRPC))
    for name, case in {**ANY, **own}.items()
]


def set_environment(
    monkeypatch: pytest.MonkeyPatch, database_url: str, protocol: str, url: str
) -> None:
    """A worker's whose Odoo is there."""
    for name, value in {
        "DATABASE_URL": database_url,
        "BROKER_URL": "redis://127.0.0.1:2",
        "FUSION_SECRET_KEY": "A" * 43 + "=",
        "ODOO_URL": url,
        "ODOO_API_KEY": "the-key-itself",
        "ODOO_PROTOCOL": protocol,
        "ODOO_TIMEOUT_SECONDS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tasks, "pace", Pace(ROWS))
    tasks.failures.forget()
    tasks.announcer.forget()


@pytest.mark.parametrize(("protocol", "answer", "level"), CASES)
def test_a_task_makes_one_line_of_it(
    monkeypatch: pytest.MonkeyPatch,
    database_url: str,
    protocol: str,
    answer: Answer,
    level: str,
) -> None:
    logged_in = [xml(b"<int>7</int>")] if protocol == "xmlrpc" else []
    for task in (tasks.pull_catalog, tasks.check_odoo):
        with (
            scripted_server(*logged_in, answer) as server,
            capture_logs() as lines,
        ):
            set_environment(monkeypatch, database_url, protocol, server.url)
            task()

        assert_one_line(lines, level)
        assert len(server.requests) <= len(logged_in) + 3


def assert_one_line(lines: list[Any], level: str) -> None:
    """One line for an operator, which holds no key and no traceback."""
    (line,) = lines
    text = str(line["reason"])
    assert line["log_level"] == level, line
    assert "\n" not in text
    assert "Traceback" not in text
    assert "the-key-itself" not in str(line)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", ["html", "502", "close", "hang", "refused"])
def test_what_is_to_be_pushed_stays_to_be_pushed(
    monkeypatch: pytest.MonkeyPatch,
    standin: OdooTarget,
    database_url: str,
    tmp_path: Path,
    protocol: str,
    name: str,
) -> None:
    with (
        bridge_to(standin, database_url, tmp_path, "json2") as bridge,
        connect_ledger(database_url) as conn,
    ):
        push(conn, make_message(bridge.world, [counter("1")]))
    before = rollup_state(database_url)
    logged_in = [xml(b"<int>7</int>")] if protocol == "xmlrpc" else []
    answer, level = ANY.get(name, (CLOSE, "warning"))
    with scripted_server(*logged_in, answer) as server, capture_logs() as lines:
        url = closed_port_url() if name == "refused" else server.url
        set_environment(monkeypatch, database_url, protocol, url)
        tasks.push_rollups()

    assert_one_line(lines, level)
    assert rollup_state(database_url) == before
    assert before[0]["pushed_revision"] == 0
