"""What a call can fail with, and how each failure looks on the wire.

    Exception
    ├── OdooError                    odoo.exceptions.…              HTTP  fault
    │   └── UserError                the user can mend it            422    2
    │       ├── ValidationError      a constraint refused it         422    2
    │       ├── MissingError         the record is gone              404    2
    │       ├── LockError            another holds the row           409    2
    │       ├── AccessError          not allowed                     403    4
    │       └── AccessDenied         not who they say                403    3
    ├── werkzeug HTTPException       the request itself is wrong   its own  -
    ├── psycopg.Error                named as psycopg2.errors.…      500    1
    └── any other                    named as builtins.…             500    1

"fault" is the number in XML-RPC 2; the old XML-RPC has a text in its place.
"""

import traceback
from http import HTTPStatus
from typing import Any

import psycopg
from werkzeug.exceptions import HTTPException

FAULT_APPLICATION = 1
FAULT_WARNING = 2
FAULT_DENIED = 3
FAULT_ACCESS = 4


class OdooError(Exception):
    """An error of Odoo's own; the text is meant for a person."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    fault = FAULT_WARNING


class UserError(OdooError):
    """The request makes no sense to the server."""


class ValidationError(UserError):
    """A value or a database constraint refused the change."""


class MissingError(UserError):
    """The record does not exist, or no longer."""

    status = HTTPStatus.NOT_FOUND


class LockError(UserError):
    """Another transaction holds the record."""

    status = HTTPStatus.CONFLICT


class AccessError(UserError):
    """The caller may not do this."""

    status = HTTPStatus.FORBIDDEN
    fault = FAULT_ACCESS


class AccessDenied(UserError):
    """The caller's login or key is wrong."""

    status = HTTPStatus.FORBIDDEN
    fault = FAULT_DENIED

    def __init__(self, message: str = "Access Denied") -> None:
        super().__init__(message)


def message_of(error: Exception) -> str:
    """The text of an error as Odoo gives it: the arguments, a line apiece."""
    if isinstance(error, HTTPException):
        return str(error.description)
    if isinstance(error, psycopg.Error):
        return f"{error}\n"
    return "\n".join(str(argument) for argument in error.args)


def name_of(error: Exception) -> str:
    """The dotted name that a client sees, whatever the class is called here."""
    kind = type(error)
    if isinstance(error, OdooError):
        return f"odoo.exceptions.{kind.__name__}"
    if isinstance(error, HTTPException):
        return f"werkzeug.exceptions.{kind.__name__}"
    if isinstance(error, psycopg.Error):
        if kind.__module__ == "psycopg.errors":
            return f"psycopg2.errors.{kind.__name__}"
        lost = isinstance(error, psycopg.OperationalError)  # the pool's time-out too
        return "psycopg2.OperationalError" if lost else f"psycopg2.{kind.__name__}"
    return f"{kind.__module__}.{kind.__name__}"


def status_of(error: Exception) -> int:
    """The HTTP status of an error in JSON-2."""
    if isinstance(error, OdooError):
        return int(error.status)
    if isinstance(error, HTTPException):
        return int(error.code or HTTPStatus.INTERNAL_SERVER_ERROR)
    return int(HTTPStatus.INTERNAL_SERVER_ERROR)


def error_body(error: Exception) -> dict[str, Any]:
    """An error as JSON: ``{name, message, arguments, context, debug}``."""
    message = message_of(error)
    if isinstance(error, HTTPException):
        arguments: list[Any] = [message, error.code]
    elif isinstance(error, psycopg.Error):
        arguments = [message]
    else:
        arguments = list(error.args)
    return {
        "name": name_of(error),
        "message": message,
        "arguments": arguments,
        "context": {},
        "debug": traceback_of(error),
    }


def traceback_of(error: Exception) -> str:
    """The traceback as text; its last line carries the name that Odoo's carries."""
    plain = name_of(error).removeprefix("builtins.")
    text = str(error)
    if isinstance(error, AccessDenied):
        return f"{plain}: {text}\n"
    stack = "".join(traceback.format_tb(error.__traceback__))
    return f"Traceback (most recent call last):\n{stack}{plain}: {text}\n"
