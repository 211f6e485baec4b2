"""XML-RPC over odoo-client-lib's connection, with what a service needs and it lacks.

Version 2, whose faults carry numbers; a time-out; and no second sending:
``xmlrpc.client`` resends by itself when the peer closes without an answer, and a call
that had committed would then run twice. Every failure is an OdooError.
"""

import http.client
import ssl
import xmlrpc.client
from collections.abc import Mapping
from typing import Any, Final
from xml.parsers.expat import ExpatError

from odoolib.rpc import Connection, XmlRPCConnector

from odoo_bridge.errors import (
    OdooAuthenticationError,
    OdooError,
    OdooInvalidError,
    OdooUnavailableError,
)
from odoo_bridge.faults import judge_fault, judge_http
from odoo_bridge.lost import Unconnected, judge_lost

CONNECT_SECONDS: Final = 5.0

_FIRST_BY_POSITION: Final = {"create": "vals_list"}
"""Odoo's XML-RPC looks at the first positional argument of these."""


class XmlRpcTransport(Connection):  # type: ignore[misc]  # odoolib has no types
    """XML-RPC 2. Logs in at the first call; ``None`` may be sent, never received."""

    def __init__(
        self, url: str, database: str, login: str, api_key: str, timeout_seconds: float
    ) -> None:
        super().__init__(
            _XmlRpcConnector(url, timeout_seconds), database, login, api_key
        )

    def execute(
        self, model: str, method: str, ids: list[int] | None, named: Mapping[str, Any]
    ) -> Any:
        """See client.Transport."""
        options = dict(named)
        args = [] if ids is None else [ids]
        first = _FIRST_BY_POSITION.get(method)
        if first in options:
            args.append(options.pop(first))
        if not self.user_id:
            self._log_in()
        return self.connector.send(
            "object",
            "execute_kw",
            self.database,
            self.user_id,
            self.password,
            model,
            method,
            args,
            options,
        )

    def close(self) -> None:
        """See client.Transport."""
        self.connector.close()

    def _log_in(self) -> None:
        self.user_id = self.connector.send(
            "common", "authenticate", self.database, self.login, self.password, {}
        )
        if not self.user_id:
            raise OdooAuthenticationError(
                f"Odoo does not accept the API key for login {self.login}"
            )


class _XmlRpcConnector(XmlRPCConnector):  # type: ignore[misc]  # odoolib has no types
    """Sends one request, once, and turns what comes back into a result or an error."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        super().__init__("", 0)
        self.url = f"{url}/xmlrpc/2"
        tls = url.startswith("https:")
        self._transport = (_SingleTls if tls else _Single)(timeout_seconds)

    def send(self, service_name: str, method: str, *args: Any) -> Any:
        """One request. Raises OdooError."""
        proxy = xmlrpc.client.ServerProxy(
            f"{self.url}/{service_name}", transport=self._transport, allow_none=True
        )
        try:
            return getattr(proxy, method)(*args)
        except xmlrpc.client.Fault as fault:
            raise judge_fault(int(fault.faultCode), str(fault.faultString)) from fault
        except xmlrpc.client.ProtocolError as error:
            kind = error.headers.get("Content-Type", "")
            raise judge_http(error.errcode, kind, "") from error
        except OverflowError as error:
            raise OdooInvalidError(f"{error}; send the number as a string") from error
        except (ExpatError, xmlrpc.client.ResponseError) as error:
            raise self._transport.judge_garbled(error) from error
        except (OSError, http.client.HTTPException) as error:
            raise judge_lost(error) from error

    def close(self) -> None:
        """Close the kept connection."""
        self._transport.close()


class _Single(xmlrpc.client.Transport):
    """A transport with a time-out that sends every request exactly once."""

    def __init__(self, timeout_seconds: float) -> None:
        super().__init__()
        self._timeout_seconds = timeout_seconds
        self._content_type = ""

    def request(
        self, host: Any, handler: str, request_body: Any, verbose: bool = False
    ) -> Any:
        """Send once. The inherited method sends again when the peer just closes."""
        return self.single_request(host, handler, request_body, verbose)

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        """A new connection, made at once, so that a refusal is told from a loss."""
        self.close()
        connection = self._open(str(host))
        connection.timeout = min(CONNECT_SECONDS, self._timeout_seconds)
        try:
            connection.connect()
        except OSError as error:
            raise Unconnected(str(error)) from error
        connection.sock.settimeout(self._timeout_seconds)
        self._connection = host, connection
        return connection

    def parse_response(self, response: Any) -> Any:
        """Read it, remembering its type for when it is no XML-RPC."""
        self._content_type = response.getheader("Content-Type", "")
        return super().parse_response(response)

    def judge_garbled(self, error: Exception) -> OdooError:
        """The error of an answer of status 200 that could not be read."""
        if "xml" in self._content_type or not self._content_type:
            return OdooUnavailableError(f"half an answer: {error}")
        return judge_http(http.client.OK, self._content_type, "")

    def _open(self, host: str) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(host)


class _SingleTls(_Single):
    """The same over TLS, with the system's certificates."""

    def _open(self, host: str) -> http.client.HTTPConnection:
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, context=context)
