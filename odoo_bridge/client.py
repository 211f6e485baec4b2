"""The client of Odoo: one way to call a method, over JSON-2 or XML-RPC.

A call is repeated here only where that is safe: when it was never sent, and when Odoo
rolled it back. After anything else it may have committed, so repeating is left to the
caller, who knows whether the method may run twice: ``repeat`` is for those that may.
"""

import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Protocol, Self
from urllib.parse import urlsplit

from odoo_bridge.errors import (
    OdooConflictError,
    OdooError,
    OdooMisconfiguredError,
    OdooTimeoutError,
    OdooUnavailableError,
    OdooUnreachableError,
)
from odoo_bridge.json2 import Json2Transport
from odoo_bridge.xmlrpc import XmlRpcTransport
from schemas.messages import plain_number
from schemas.settings import Settings

RETRY_PAUSES_SECONDS: Final = (0.5, 2.0)
"""The longest pauses before the second and the third attempt (full jitter)."""


class Transport(Protocol):
    """One way to call a method of a model. Not for two threads at once."""

    def execute(
        self, model: str, method: str, ids: list[int] | None, named: Mapping[str, Any]
    ) -> Any:
        """Send one request and return the method's result. Raises OdooError."""

    def close(self) -> None:
        """Close what is kept open."""


class OdooClient:
    """Calls methods of Odoo's models. For one thread; use it in a ``with``."""

    def __init__(
        self,
        transport: Transport,
        retry_pauses_seconds: tuple[float, ...] = RETRY_PAUSES_SECONDS,
    ) -> None:
        self._transport = transport
        self._pauses = retry_pauses_seconds

    def call(self, model: str, method: str, **named: Any) -> Any:
        """Call a method, its arguments by name; ``ids``: the records it is called on.

        Decimals cross as plain text, aware datetimes as Odoo's UTC text. Repeats what
        was not sent or was rolled back, and nothing else. Raises OdooError; after an
        OdooUnavailableError that is no OdooUnreachableError it may have committed.
        """
        retried = (OdooUnreachableError, OdooConflictError)
        return self._execute(model, method, named, retried)

    def repeat(self, model: str, method: str, **named: Any) -> Any:
        """As ``call``, for a method that may run twice: repeats a lost call as well.

        Not after a time-out: what took that long would only pile up.
        """
        retried = (OdooUnavailableError, OdooConflictError)
        return self._execute(model, method, named, retried)

    def close(self) -> None:
        """Close the kept connection."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _execute(
        self,
        model: str,
        method: str,
        named: Mapping[str, Any],
        retried: tuple[type[OdooError], ...],
    ) -> Any:
        arguments = {name: to_wire(value) for name, value in named.items()}
        ids = arguments.pop("ids", None)
        for pause in self._pauses:
            try:
                return self._transport.execute(model, method, ids, arguments)
            except OdooTimeoutError:
                raise
            except retried as error:
                asked = getattr(error, "retry_after_seconds", None) or 0.0
                if asked > pause:
                    raise  # to the caller, whose next try is later than ours
                time.sleep(max(asked, random.uniform(0, pause)))
        return self._transport.execute(model, method, ids, arguments)


def connect(
    settings: Settings, retry_pauses_seconds: tuple[float, ...] = RETRY_PAUSES_SECONDS
) -> OdooClient:
    """A client for the Odoo that the settings name; nothing is sent before a call.

    The URL's scheme decides about TLS; ``json2s`` and ``xmlrpcs`` insist on it. Raises
    OdooMisconfiguredError when they and the URL disagree, or a setting cannot be used.
    """
    url = settings.odoo_url.rstrip("/")
    protocol = settings.odoo_protocol
    if protocol.endswith("s") and urlsplit(url).scheme != "https":
        raise OdooMisconfiguredError(
            f"ODOO_PROTOCOL {protocol} needs an ODOO_URL that begins with https://"
        )
    database, key = settings.odoo_database, settings.odoo_api_key
    bounds = settings.odoo_timeout_seconds, settings.odoo_ca_file
    transport: Transport
    if protocol.startswith("json2"):
        transport = Json2Transport(url, database, key, *bounds)
    else:
        transport = XmlRpcTransport(url, database, settings.odoo_login, key, *bounds)
    return OdooClient(transport, retry_pauses_seconds)


def to_wire(value: Any) -> Any:
    """A value as Odoo takes it: Decimals and datetimes as text, containers by value.

    Raises TypeError for a float, which would not stay exact, and a naive datetime.
    """
    match value:
        case Decimal():
            return plain_number(value)
        case datetime():
            if value.tzinfo is None:
                raise TypeError(f"a datetime without a time zone: {value}")
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        case float():
            raise TypeError(f"a float does not stay exact: {value}; send a Decimal")
        case dict():
            return {key: to_wire(item) for key, item in value.items()}
        case list() | tuple():
            return [to_wire(item) for item in value]
        case _:
            return value
