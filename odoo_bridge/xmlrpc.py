"""XML-RPC over odoo-client-lib's connection, with what a service needs and it lacks.

Version 2, whose faults carry numbers; bounds; and no second sending: ``xmlrpc.client``
resends by itself when the peer closes without an answer, and a call that had committed
would then run twice. Every failure is an OdooError.
"""

import http.client
import xmlrpc.client
from collections.abc import Mapping
from typing import Any, Final
from xml.parsers.expat import ExpatError

from odoolib.rpc import Connection, XmlRPCConnector

from odoo_bridge.errors import (
    OdooAuthenticationError,
    OdooInvalidError,
    OdooUnavailableError,
)
from odoo_bridge.exchange import Answer, Exchange
from odoo_bridge.faults import judge_fault
from odoo_bridge.xml_values import XmlInvalid, write_call

_FIRST_BY_POSITION: Final = {"create": "vals_list"}
"""Odoo's XML-RPC looks at the first positional argument of these."""

_NONE: Final = "cannot marshal None"
"""In Odoo's fault for a method that has answered None, after it has committed."""

_LONG: Final = "int exceeds XML-RPC limits"
"""The same for a whole number past 32 bits."""

_UNREADABLE: Final = (
    ExpatError,
    xmlrpc.client.ResponseError,
    ValueError,
    TypeError,
    LookupError,
)


class XmlRpcTransport(Connection):  # type: ignore[misc]  # odoolib has no types
    """XML-RPC 2. Logs in at the first call."""

    def __init__(
        self,
        url: str,
        database: str,
        login: str,
        api_key: str,
        timeout_seconds: float,
        ca_file: str = "",
    ) -> None:
        connector = XmlRpcConnector(url, timeout_seconds, ca_file)
        super().__init__(connector, database, login, api_key)

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


class XmlRpcConnector(XmlRPCConnector):  # type: ignore[misc]  # odoolib has no types
    """Sends one request, once, and turns what comes back into a result or an error."""

    def __init__(self, url: str, timeout_seconds: float, ca_file: str = "") -> None:
        super().__init__("", 0)
        self.url = f"{url}/xmlrpc/2"
        self._exchange = Exchange(url, timeout_seconds, ca_file)

    def send(self, service_name: str, method: str, *args: Any) -> Any:
        """One request. Raises OdooError."""
        try:
            body = write_call(method, args)
        except XmlInvalid as error:
            raise OdooInvalidError(str(error)) from error
        address = f"{self.url}/{service_name}"
        answer = self._exchange.post(address, body, "text/xml")
        if answer.status != http.client.OK:
            raise answer.judge()
        try:
            return _read(answer)
        except xmlrpc.client.Fault as fault:
            text = str(fault.faultString)
            if _NONE in text:
                return None
            if _LONG in text:
                raise OdooInvalidError(
                    "the call was done, but XML-RPC cannot carry a number of its "
                    "answer; set ODOO_PROTOCOL to json2"
                ) from fault
            raise judge_fault(int(fault.faultCode), text) from fault
        except _UNREADABLE as error:
            if "xml" in answer.content_type or not answer.content_type:
                raise OdooUnavailableError(f"half an answer: {error}") from error
            raise answer.judge() from error

    def close(self) -> None:
        """Close the kept connection."""
        self._exchange.close()


def _read(answer: Answer) -> Any:
    """The one value in it. Raises Fault, and one of _UNREADABLE."""
    values, _ = xmlrpc.client.loads(answer.body)
    (value,) = values
    return value
