"""XML-RPC: ``/xmlrpc/2/<service>`` and the old ``/xmlrpc/<service>``.

The two differ in faults alone: a number, or a text in the number's place. A result that
cannot be written (None, an integer past 2^31) is a fault although the method committed.
"""

import xmlrpc.client
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from flask import Blueprint, Response, current_app, request

from odoo_bridge.embedded.dispatch import Server
from odoo_bridge.embedded.errors import (
    FAULT_APPLICATION,
    AccessDenied,
    AccessError,
    MissingError,
    OdooError,
    UserError,
    message_of,
    traceback_of,
)
from odoo_bridge.embedded.rpc import call_service
from odoo_bridge.embedded.values import DATE_FORMAT, DATETIME_FORMAT

xml_rpc = Blueprint("xmlrpc", __name__)

# XML 1.0 has no place for control characters but tab, newline and carriage return.
_CONTROL = dict.fromkeys(set(range(32)) - {9, 10, 13})

Write = Callable[[str], Any]


class Marshaller(xmlrpc.client.Marshaller):
    """Writes dates and bytes as plain strings, and leaves control characters out."""

    dispatch: dict[Any, Any] = dict(  # noqa: RUF012 - shared, as in the base class
        xmlrpc.client.Marshaller.dispatch
    )

    def write_text(self, value: str, write: Write) -> None:
        """A string without what XML cannot hold."""
        clean = value.translate(_CONTROL).encode("utf-8", "replace").decode()
        self.dump_unicode(clean, write)

    def write_moment(self, value: date, write: Write) -> None:
        """A date or datetime as Odoo's text."""
        whole = isinstance(value, datetime)
        self.dump_unicode(
            value.strftime(DATETIME_FORMAT if whole else DATE_FORMAT), write
        )

    def write_bytes(self, value: bytes, write: Write) -> None:
        """Bytes are base64 text already."""
        self.dump_unicode(value.decode(), write)

    dispatch |= {
        str: write_text,
        datetime: write_moment,
        date: write_moment,
        bytes: write_bytes,
    }


@xml_rpc.post("/xmlrpc/2/<service>")
def call_2(service: str) -> Response:
    """A call whose faults are numbers."""
    return _answer(service, _numbered_fault)


@xml_rpc.post("/xmlrpc/<service>")
def call_1(service: str) -> Response:
    """A call whose faults are texts."""
    return _answer(service, _worded_fault)


def _answer(
    service: str, fault: Callable[[Exception], xmlrpc.client.Fault]
) -> Response:
    server: Server = current_app.config["SERVER"]
    body = request.get_data()
    try:
        params, method = xmlrpc.client.loads(body, use_datetime=True)
        result = call_service(server, service, str(method), params)
        text = _dumps((result,))
    except Exception as error:  # every failure of a call is a fault
        text = _dumps(fault(error))
    return Response(text, content_type="text/xml; charset=utf-8")


def _dumps(answer: Any) -> str:
    written = Marshaller(encoding="utf-8", allow_none=False).dumps(answer)
    return f'<?xml version="1.0"?>\n<methodResponse>\n{written}\n</methodResponse>\n'


def _numbered_fault(error: Exception) -> xmlrpc.client.Fault:
    if isinstance(error, OdooError):
        return xmlrpc.client.Fault(error.fault, str(error))
    return xmlrpc.client.Fault(FAULT_APPLICATION, traceback_of(error))


def _worded_fault(error: Exception) -> xmlrpc.client.Fault:
    code: Any = message_of(error)
    text = ""
    match error:
        case MissingError():
            code = f"warning -- MissingError\n\n{error}"
        case AccessError():
            code = f"warning -- AccessError\n\n{error}"
        case AccessDenied():
            code, text = "AccessDenied", str(error)
        case UserError():
            code = f"warning -- UserError\n\n{error}"
        case _:
            text = traceback_of(error)
    return xmlrpc.client.Fault(code, text)
