"""JSON-2 over odoo-client-lib's connection, with what a service needs and it lacks.

A kept ``httpx.Client`` with time-outs, and no look-up of the server's documentation
before a call. Every failure is an OdooError.
"""

import http.client
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from odoolib.json2 import Json2Connection, Json2Connector

from odoo_bridge.errors import OdooUnavailableError
from odoo_bridge.faults import judge_http
from odoo_bridge.lost import judge_lost

CONNECT_SECONDS: Final = 5.0


class Json2Transport(Json2Connection):  # type: ignore[misc]  # odoolib has no types
    """JSON-2 over one kept client; one request per call, whatever happens."""

    def __init__(
        self, url: str, database: str, api_key: str, timeout_seconds: float
    ) -> None:
        connector = Json2Connector("", 0)
        connector.url = f"{url}/json/2/"
        super().__init__(connector, database, api_key)
        self._http = httpx.Client(
            headers=self.bearer_header,
            timeout=httpx.Timeout(
                timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds)
            ),
            # A machine's proxy does not know the way to that machine's own loopback.
            trust_env=not _is_loopback(url),
        )

    def execute(
        self, model: str, method: str, ids: list[int] | None, named: Mapping[str, Any]
    ) -> Any:
        """See client.Transport."""
        body = dict(named) if ids is None else {**named, "ids": ids}
        try:
            answer = self._http.post(f"{self.connector.url}{model}/{method}", json=body)
        except httpx.HTTPError as error:
            raise judge_lost(error) from error
        kind = answer.headers.get("Content-Type", "")
        if answer.status_code != http.client.OK:
            raise judge_http(answer.status_code, kind, answer.text)
        try:
            return answer.json()
        except ValueError as error:
            if "json" in kind:
                raise OdooUnavailableError(f"half an answer: {error}") from error
            raise judge_http(answer.status_code, kind, answer.text) from error

    def close(self) -> None:
        """See client.Transport."""
        self._http.close()


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
