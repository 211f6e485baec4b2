"""Writes a call in XML-RPC with values that the standard library would not.

Whole numbers to 64 bits, as ``i8``; a carriage return, which XML would turn into a
line feed; and an error for what XML cannot hold, rather than a request that Odoo
cannot read.
"""

import re
import xmlrpc.client
from collections.abc import Callable, Sequence
from typing import Any, Final

_UNWRITABLE: Final = re.compile(
    "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)

Write = Callable[[str], Any]


class XmlInvalid(ValueError):
    """A value has no form in XML-RPC; the text says which."""


def write_call(method: str, arguments: Sequence[Any]) -> bytes:
    """The request's body. Raises XmlInvalid."""
    try:
        written = _Marshaller("utf-8", True).dumps(tuple(arguments))
    except (TypeError, OverflowError, RecursionError) as error:
        raise XmlInvalid(f"{error}; XML-RPC cannot carry it, JSON-2 can") from error
    if found := _UNWRITABLE.search(written):
        raise XmlInvalid(f"{found[0]!r} in a text: XML-RPC cannot carry it")
    name = f"<methodName>{method}</methodName>"
    text = f'<?xml version="1.0"?>\n<methodCall>\n{name}\n{written}</methodCall>\n'
    # The markup itself has none.
    return text.replace("\r", "&#13;").encode()


class _Marshaller(xmlrpc.client.Marshaller):
    def write_whole(self, value: int, write: Write) -> None:
        """32 bits as every server reads them, 64 as Odoo does."""
        if not -(2**63) <= value < 2**63:
            raise OverflowError(f"{value} is longer than 64 bits")
        kind = "int" if -(2**31) <= value < 2**31 else "i8"
        write(f"<value><{kind}>{value}</{kind}></value>\n")

    dispatch: dict[Any, Any] = {  # noqa: RUF012 - shared, as in the base class
        **xmlrpc.client.Marshaller.dispatch,
        int: write_whole,
    }
