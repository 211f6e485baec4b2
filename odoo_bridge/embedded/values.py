"""Values on their way into a column and out to the wire, by field type.

What each type takes, and how it refuses, is Odoo's (``odoo/orm/fields_*.py``).
"""

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from email.utils import getaddresses
from typing import Any

from psycopg.types.json import Jsonb

from odoo_bridge.embedded.errors import ValidationError
from odoo_bridge.embedded.models import Field

DATE_FORMAT = "%Y-%m-%d"
DATETIME_FORMAT = "%Y-%m-%d %H:%M:%S"

# Plain digits: an exponent would let four bytes ask for thousands of digits.
_DECIMAL = re.compile(r"-?[0-9]{1,100}(\.[0-9]{1,100})?")


def to_column(field: Field, value: Any, where: str) -> Any:
    """The value for the database; ``where`` is "model.field" for messages.

    Raises ValueError, as Odoo does, when the value does not fit the type.
    """
    match field.type:
        case "boolean":
            return bool(value)
        case "integer":
            return int(value or 0)
        case "float":
            return float(value or 0.0)
        case "many2one":
            return value or None
        case "selection":
            return _chosen(field, value, where)
        case "date":
            return _date_of(value)
        case "datetime":
            return _datetime_of(value)
        case "json":
            return None if value is None or value is False else Jsonb(value)
        case "decimal":
            return (
                None if value is None or value is False else typed_decimal(value, where)
            )
        case _:
            return None if value is None or value is False else text_of(value)


def to_wire(field: Field, value: Any) -> Any:
    """A column's value as it is read: False where there is none."""
    if value is None:
        return 0 if field.type in ("integer", "float") else False
    if isinstance(value, datetime):
        return value.strftime(DATETIME_FORMAT)
    if isinstance(value, date):
        return value.strftime(DATE_FORMAT)
    if field.type == "float":
        return float(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    return value


def text_of(value: Any) -> str:
    """Any value as text that the database can hold. Raises ValueError on NUL."""
    text = value if isinstance(value, str) else str(value)
    if "\0" in text:
        raise ValueError("A string literal cannot contain NUL (0x00) characters.")
    text.encode()  # a lone surrogate is a UnicodeEncodeError, a kind of ValueError
    return text


def decimal_of(value: Any, where: str) -> Decimal:
    """An exact number from its text (or an integer), every digit kept.

    Raises ValueError on anything else: floats, NaN, infinities, exponents.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        try:
            return Decimal(value)
        except InvalidOperation as error:  # pragma: no cover
            raise ValueError(f"Wrong value for {where}: {value!r}") from error
    raise ValueError(f"Wrong value for {where}: {value!r} is not a decimal string")


def typed_decimal(value: Any, where: str) -> Decimal:
    """As ``decimal_of``, of what a person may have typed. Raises ValidationError."""
    try:
        return decimal_of(value, where)
    except ValueError as error:
        text = f"{where}: {value!r} is not an exact number, such as 0.0075."
        raise ValidationError(text) from error


def parse_datetime(text: str) -> datetime:
    """A naive UTC datetime from "YYYY-MM-DD HH:MM:SS" (or a date: its midnight).

    Raises ValueError on anything else, ISO's "T" and "Z" and fractions included.
    """
    pattern = DATE_FORMAT if len(text) == len("YYYY-MM-DD") else DATETIME_FORMAT
    return _naive(datetime.strptime(text, pattern).replace(tzinfo=UTC))


def normalize_email(email: Any) -> str | None:
    """The first address of a header-like text, lowered: what Odoo matches clients by.

    A local part with letters outside ASCII keeps its case, as in Odoo.
    """
    for _, address in getaddresses([email] if isinstance(email, str) else []):
        local, at, domain = address.strip().rpartition("@")
        if local and at and domain and not set(" \t\r\n") & set(address):
            kept = local.lower() if local.isascii() else local
            return f"{kept}@{domain.lower()}"
    return None


def _chosen(field: Field, value: Any, where: str) -> str | None:
    if value is None or value is False or value == "":
        return None
    if value not in field.selection:
        raise ValueError(f"Wrong value for {where}: {value!r}")
    return str(value)


def _datetime_of(value: Any) -> datetime | None:
    if not value:
        return None
    if isinstance(value, datetime):
        return _naive(value)
    if isinstance(value, str):
        return parse_datetime(value)
    raise TypeError(f"{value!r} is not a datetime")


def _date_of(value: Any) -> date | None:
    if not value:
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    return datetime.strptime(str(value)[:10], DATE_FORMAT).replace(tzinfo=UTC).date()


def _naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)
