"""The Odoo under test, the stand-in or a real one, and plain calls to it."""

import json
import xmlrpc.client
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import odoolib

TIMEOUT_SECONDS = 60

_HTTP = httpx.Client(timeout=TIMEOUT_SECONDS)
"""One for all: a new client reads the certificates anew, which takes 20 ms."""


@dataclass(frozen=True)
class OdooTarget:
    """Where it is and who we are there. ``has_addon``: it knows the addon's models.

    ``database_url``: its PostgreSQL, for what no call can do; None if it is not told.
    """

    url: str
    database: str
    login: str
    api_key: str
    has_addon: bool
    database_url: str | None = None

    def headers(self, **more: str) -> dict[str, str]:
        """The headers of a JSON-2 call; ``more`` with _ for -, "" to leave one out."""
        headers = {
            "Authorization": f"bearer {self.api_key}",
            "X-Odoo-Database": self.database,
            "Content-Type": "application/json",
        }
        headers.update({name.replace("_", "-"): value for name, value in more.items()})
        return {name: value for name, value in headers.items() if value}

    def json2(self, model: str, method: str, **arguments: Any) -> httpx.Response:
        """One JSON-2 call, answered as HTTP."""
        return _HTTP.post(
            f"{self.url}/json/2/{model}/{method}",
            headers=self.headers(),
            content=json.dumps(arguments),
        )

    def ask(self, model: str, method: str, **arguments: Any) -> Any:
        """One JSON-2 call that must succeed; its result."""
        response = self.json2(model, method, **arguments)
        assert response.status_code == 200, response.text[-2000:]
        return response.json()

    def refusal(
        self, model: str, method: str, **arguments: Any
    ) -> tuple[int, str, str]:
        """One JSON-2 call that must fail; its status, error name and message."""
        response = self.json2(model, method, **arguments)
        body = response.json()
        assert set(body) == {"name", "message", "arguments", "context", "debug"}
        return response.status_code, body["name"], body["message"]

    def proxy(
        self, service: str, version: str = "xmlrpc/2"
    ) -> xmlrpc.client.ServerProxy:
        """An XML-RPC service of the standard library's client."""
        return xmlrpc.client.ServerProxy(
            f"{self.url}/{version}/{service}", allow_none=True
        )

    def uid(self) -> int:
        """Our user's id."""
        found = self.proxy("common").authenticate(
            self.database, self.login, self.api_key, {}
        )
        assert isinstance(found, int)
        return found

    def execute(self, model: str, method: str, *args: Any, **options: Any) -> Any:
        """One XML-RPC call."""
        with self.proxy("object") as proxy:
            return proxy.execute_kw(
                self.database, self.uid(), self.api_key, model, method, args, options
            )

    def connect(self, protocol: str) -> Any:
        """odoo-client-lib's connection."""
        parts = urlsplit(self.url)
        return odoolib.get_connection(
            hostname=parts.hostname,
            port=parts.port or 8069,
            protocol=protocol,
            database=self.database,
            login=self.login,
            password=self.api_key,
        )
