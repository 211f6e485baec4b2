"""Judges what Odoo answered: its status, its error's name, its fault's number.

A 500 is judged by the name of the error in it, since Odoo answers 500 to bad data and
to a lost database alike. HTML never comes from a method: it is a proxy, a web page, or
an Odoo without that database. The texts are those of Odoo 19 in English; where only a
text tells two errors apart (XML-RPC), another language makes the error final.
"""

import json
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

from odoo_bridge.errors import (
    OdooAccessError,
    OdooAuthenticationError,
    OdooConflictError,
    OdooError,
    OdooInvalidError,
    OdooMisconfiguredError,
    OdooMissingError,
    OdooTimeoutError,
    OdooTooLargeError,
    OdooUnavailableError,
)

MAX_MESSAGE: Final = 500
MAX_RETRY_AFTER_SECONDS: Final = 900.0

FAULT_APPLICATION: Final = 1
FAULT_WARNING: Final = 2
FAULT_DENIED: Final = 3
FAULT_ACCESS: Final = 4

_CONFLICTS: Final = {
    "odoo.exceptions.LockError",
    "odoo.exceptions.ConcurrencyError",
    "psycopg2.errors.SerializationFailure",
    "psycopg2.errors.DeadlockDetected",
    "psycopg2.errors.LockNotAvailable",
}
_AWAY: Final = {
    "builtins.ConnectionError",
    "builtins.ConnectionResetError",
    "builtins.BrokenPipeError",
    "builtins.TimeoutError",
    "builtins.MemoryError",
    "builtins.OSError",
    "odoo.sql_db.PoolError",
    "psycopg2.pool.PoolError",
    "psycopg2.OperationalError",
    "psycopg2.InterfaceError",
    "psycopg2.errors.AdminShutdown",
    "psycopg2.errors.CrashShutdown",
    "psycopg2.errors.CannotConnectNow",
    "psycopg2.errors.TooManyConnections",
    "psycopg2.errors.IdleInTransactionSessionTimeout",
    "psycopg2.errors.ReadOnlySqlTransaction",
    "psycopg2.errors.DiskFull",
    "psycopg2.errors.OutOfMemory",
}
_BY_NAME: Final[dict[str, type[OdooError]]] = {
    **dict.fromkeys(_CONFLICTS, OdooConflictError),
    **dict.fromkeys(_AWAY, OdooUnavailableError),
    "psycopg2.errors.QueryCanceled": OdooTimeoutError,
    "odoo.exceptions.AccessDenied": OdooAuthenticationError,
    "odoo.exceptions.AccessError": OdooAccessError,
    "werkzeug.exceptions.Unauthorized": OdooAuthenticationError,
    "werkzeug.exceptions.Forbidden": OdooAccessError,
    "werkzeug.exceptions.NotFound": OdooMissingError,
    # Arguments that the method does not take: the addon is another version.
    "werkzeug.exceptions.UnprocessableEntity": OdooMissingError,
    "werkzeug.exceptions.RequestEntityTooLarge": OdooTooLargeError,
    "werkzeug.exceptions.TooManyRequests": OdooUnavailableError,
    "werkzeug.exceptions.ServiceUnavailable": OdooUnavailableError,
}
_BY_STATUS: Final[dict[int, type[OdooError]]] = {
    401: OdooAuthenticationError,
    403: OdooAccessError,
    408: OdooUnavailableError,
    413: OdooTooLargeError,
    429: OdooUnavailableError,
}
_NO_DATABASE = re.compile(r'database "[^"]*" does not exist')
_NO_MODEL = re.compile(r"Object \S+ doesn't exist|the model '\S+' does not exist")
_NO_METHOD = re.compile(
    r"The method '\S+' does not exist|unexpected keyword argument"
    r"|missing \d+ required (positional|keyword-only) argument"
)
_LOCKED = "Cannot grab a lock on records"
_ERROR_LINE = re.compile(r"^((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)(?:: (.*))?$", re.DOTALL)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


def judge_http(
    status: int, content_type: str, body: str, location: str = ""
) -> OdooError:
    """The error of an HTTP answer that is not the result of a method."""
    if location and 300 <= status < 400:
        target = one_line(location)
        return OdooMisconfiguredError(
            f"status {status} redirects to {target}; check ODOO_URL, http or https"
        )
    if "json" in content_type:
        try:
            error = json.loads(body)
            return judge_name(str(error["name"]), str(error["message"]))
        except (ValueError, KeyError, TypeError):
            return _judge_status(status, f"JSON that is no error of Odoo's ({status})")
    title = _TITLE.search(body)
    what = f'the page "{title[1].strip()}"' if title else content_type or "no content"
    text = one_line(f"status {status} with {what} instead of an answer")
    return _judge_status(status, text)


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a Retry-After, 0 to MAX_RETRY_AFTER_SECONDS; None where there is none.

    ``headers`` by lower-case names. A date is counted from the answer's own Date, so
    that no clock of ours comes in; without one it says nothing. Source: RFC 9110.
    """
    text = headers.get("retry-after", "").strip()
    try:
        seconds = (
            float(text)
            if text.isascii() and text.isdigit()
            else (
                parsedate_to_datetime(text) - parsedate_to_datetime(headers["date"])
            ).total_seconds()
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def judge_name(name: str, message: str) -> OdooError:
    """The error by its dotted name: ``psycopg2.errors.SerializationFailure``."""
    kind = _BY_NAME.get(name, OdooInvalidError)
    if _NO_DATABASE.search(message):
        kind = OdooMisconfiguredError
    elif name == "builtins.TypeError" and _NO_METHOD.search(message):
        kind = OdooMissingError
    return kind(one_line(f"{message} ({name})"))


def judge_fault(code: int, text: str) -> OdooError:
    """The error of an XML-RPC 2 fault: a number, and a message or a traceback."""
    if code == FAULT_DENIED:
        return OdooAuthenticationError(one_line(text))
    if code == FAULT_ACCESS:
        return OdooAccessError(one_line(text))
    if code == FAULT_WARNING:
        if _NO_MODEL.search(text):
            return OdooMissingError(one_line(text))
        kind = OdooConflictError if _LOCKED in text else OdooInvalidError
        return kind(one_line(text))
    return _judge_traceback(text)


def one_line(text: str) -> str:
    """The text without line breaks, cut to what a log line and a column hold.

    What neither can hold or show, as NUL and lone surrogates, becomes U+FFFD.
    """
    words = " ".join(text.split())
    line = "".join(char if char.isprintable() else "\ufffd" for char in words)
    return line if len(line) <= MAX_MESSAGE else line[: MAX_MESSAGE - 1] + "…"


def _judge_traceback(text: str) -> OdooError:
    """By the last unindented line that reads ``some.ErrorName: message``."""
    lines = text.strip().splitlines()
    for index in range(len(lines) - 1, -1, -1):
        found = _ERROR_LINE.match(lines[index])
        if found and not found[1].startswith(("HINT", "DETAIL", "CONTEXT", "LINE")):
            message = "\n".join([found[2] or "", *lines[index + 1 :]])
            if _NO_METHOD.search(message) or _NO_MODEL.search(message):
                return OdooMissingError(one_line(message))
            name = found[1] if "." in found[1] else f"builtins.{found[1]}"
            return judge_name(name, message)
    return OdooInvalidError(one_line(text))


def _judge_status(status: int, what: str) -> OdooError:
    if status in _BY_STATUS:
        return _BY_STATUS[status](what)
    if status >= 500:
        return OdooUnavailableError(what)
    return OdooMisconfiguredError(
        f"{what}; check ODOO_URL, ODOO_DATABASE and the proxy before Odoo"
    )
