"""Reading a row of an addon method: each value by its key, or a RowError saying why.

A row is a dict as it came over the wire; False (or no key at all) means "not given".
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from .exact_decimal import decimal_of

MAX_INT4 = 2**31 - 1
DATE_FORMAT = "%Y-%m-%d"
DATETIME_FORMAT = "%Y-%m-%d %H:%M:%S"

Row = Mapping[str, Any]


class RowError(ValueError):
    """The row cannot be applied; the text names the key."""


def row_of(value: Any) -> Row:
    """The row itself. Raises RowError when it is not a dict."""
    if not isinstance(value, Mapping):
        raise RowError(f"must be an object, not {type(value).__name__}")
    return value


def text(row: Row, key: str) -> str:
    """A text that must be there."""
    found = optional_text(row, key)
    if found is None:
        raise RowError(f"{key}: missing")
    return found


def optional_text(row: Row, key: str) -> str | None:
    """A text, or None where it is not given."""
    value = row.get(key)
    if value is None or value is False or value == "":
        return None
    if not isinstance(value, str):
        raise RowError(f"{key}: must be a string")
    try:
        value.encode()  # a lone surrogate is a UnicodeEncodeError
    except UnicodeEncodeError as error:
        raise RowError(f"{key}: holds characters that cannot be stored") from error
    if "\0" in value:
        raise RowError(f"{key}: holds characters that cannot be stored")
    return value


def optional_texts(row: Row, key: str) -> list[str]:
    """Texts, none where they are not given."""
    values = row.get(key)
    if values is None or values is False:
        return []
    if not isinstance(values, list):
        raise RowError(f"{key}: must be a list")
    return [text({key: value}, key) for value in values]


def choice(
    row: Row, key: str, allowed: tuple[str, ...], default: str | None = None
) -> str:
    """A text that is one of those allowed; without a default it must be there."""
    value = optional_text(row, key) or default
    if value is None:
        raise RowError(f"{key}: missing")
    if value not in allowed:
        raise RowError(f"{key}: {value!r} is not one of {', '.join(allowed)}")
    return value


def number(row: Row, key: str) -> Decimal:
    """An exact number, from its text."""
    found = optional_number(row, key)
    if found is None:
        raise RowError(f"{key}: missing")
    return found


def optional_number(row: Row, key: str) -> Decimal | None:
    """An exact number, or None where it is not given."""
    value = row.get(key)
    if value is None or value is False:
        return None
    try:
        return decimal_of(value, key)
    except ValueError as error:
        shown = repr(value)[:60]
        raise RowError(f"{key}: {shown} is not a decimal string") from error


def whole(
    row: Row, key: str, low: int = 0, high: int = MAX_INT4, default: int | None = None
) -> int:
    """An integer between two bounds; without a default it must be there."""
    value = row.get(key)
    if default is not None and (value is None or value is False):
        return default
    if not isinstance(value, int) or isinstance(value, bool):
        raise RowError(f"{key}: must be an integer")
    if not low <= value <= high:
        raise RowError(f"{key}: must be between {low} and {high}")
    return value


def flag(row: Row, key: str) -> bool:
    """True or False, which it also is where it is not given."""
    value = row.get(key)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise RowError(f"{key}: must be true or false")
    return value


def moment(row: Row, key: str) -> datetime:
    """A datetime in UTC that must be there; naive, as Odoo keeps them."""
    found = optional_moment(row, key)
    if found is None:
        raise RowError(f"{key}: missing")
    return found


def optional_moment(row: Row, key: str) -> datetime | None:
    """A datetime in UTC (of a date: its midnight), or None where it is not given."""
    value = optional_text(row, key)
    if value is None:
        return None
    try:
        return _parse_moment(value)
    except ValueError as error:
        raise RowError(f"{key}: {value!r} is not YYYY-MM-DD HH:MM:SS") from error


@lru_cache(maxsize=4096)
def _parse_moment(text: str) -> datetime:
    """Kept, because a call's rows share a few periods and parsing was half its work."""
    pattern = DATE_FORMAT if len(text) == len("YYYY-MM-DD") else DATETIME_FORMAT
    return datetime.strptime(text, pattern).replace(tzinfo=UTC).replace(tzinfo=None)
