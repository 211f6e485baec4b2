"""JSON-2 over odoo-client-lib's connection, with what a service needs and it lacks.

A kept connection with bounds, and no look-up of the server's documentation before a
call. Every failure is an OdooError.
"""

import http.client
import json
from collections.abc import Mapping
from typing import Any

from odoolib.json2 import Json2Connection, Json2Connector

from odoo_bridge.errors import OdooUnavailableError
from odoo_bridge.exchange import Exchange


class Json2Transport(Json2Connection):  # type: ignore[misc]  # odoolib has no types
    """JSON-2 over one kept connection; one request per call, whatever happens."""

    def __init__(
        self,
        url: str,
        database: str,
        api_key: str,
        timeout_seconds: float,
        ca_file: str = "",
    ) -> None:
        connector = Json2Connector("", 0)
        connector.url = f"{url}/json/2/"
        super().__init__(connector, database, api_key)
        self._exchange = Exchange(url, timeout_seconds, ca_file, self.bearer_header)

    def execute(
        self, model: str, method: str, ids: list[int] | None, named: Mapping[str, Any]
    ) -> Any:
        """See client.Transport."""
        body = dict(named) if ids is None else {**named, "ids": ids}
        # ASCII, so that half a surrogate pair is Odoo's to refuse, with its row.
        text = json.dumps(body, allow_nan=False).encode("ascii")
        address = f"{self.connector.url}{model}/{method}"
        answer = self._exchange.post(address, text, "application/json")
        if answer.status != http.client.OK:
            raise answer.judge()
        try:
            return json.loads(answer.body)
        except (ValueError, RecursionError) as error:
            if "json" in answer.content_type:
                raise OdooUnavailableError(f"half an answer: {error}") from error
            raise answer.judge() from error

    def close(self) -> None:
        """See client.Transport."""
        self._exchange.close()
