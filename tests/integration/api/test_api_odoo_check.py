"""How the API finds out whether Odoo answers."""

from http.server import BaseHTTPRequestHandler

import pytest

from ingest_api.bounded import Unavailable
from ingest_api.dependencies import OdooCheck
from tests.webhook_world import receiving, respond


def test_an_odoo_on_loopback_is_asked_past_any_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with receiving(respond(200)) as odoo:
        for host in ("127.0.0.1", "localhost"):
            check = OdooCheck(f"http://{host}:{odoo.port}")
            check()
            check.close()

        assert len(odoo.requests) == 2


def test_an_odoo_elsewhere_is_asked_through_the_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with receiving(respond(200)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        check = OdooCheck("http://odoo.example:8069")
        check()
        check.close()

        assert len(proxy.requests) == 1


def test_one_connection_serves_all_checks() -> None:
    clients = set()

    def answer(handler: BaseHTTPRequestHandler, earlier: int) -> None:
        clients.add(handler.client_address)
        respond(200)(handler, earlier)

    with receiving(answer) as odoo:
        check = OdooCheck(odoo.url.removesuffix("/in"))
        for _ in range(5):
            check()
        check.close()

    assert len(clients) == 1


def test_an_odoo_that_fails_is_unavailable() -> None:
    with receiving(respond(502)) as odoo:
        check = OdooCheck(odoo.url)
        with pytest.raises(Unavailable):
            check()
        check.close()
