"""What an app says of a counter besides its value: names with plain values.

Inside they travel as the text of a JSON object, names sorted, numbers without an
exponent: equal properties are equal texts, and PostgreSQL reads them as they are.
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from schemas.numbers import NumberInvalid, check_number
from schemas.texts import TextInvalid, check_text

MAX_PROPERTIES: Final = 50
MAX_PROPERTIES_BYTES: Final = 16 * 1024

_FORBIDDEN: Final = re.compile("[\x00\ud800-\udfff]")

Property = str | int | Decimal | bool | None


class PropertiesInvalid(ValueError):
    """Not an object of plain values within the limits; says which rule broke."""


def write_properties(raw: object) -> str:
    """Properties as JSON has them (numbers as int or Decimal) as text.

    Raises PropertiesInvalid.
    """
    if not isinstance(raw, Mapping):
        raise PropertiesInvalid("value_is_invalid: must be an object")
    if len(raw) > MAX_PROPERTIES:
        raise PropertiesInvalid(
            f"value_is_invalid: has more than {MAX_PROPERTIES} properties"
        )
    parts = [f"{_name(name)}:{_value(raw[name])}" for name in sorted(raw)]
    text = "{" + ",".join(parts) + "}"
    if len(text) > MAX_PROPERTIES_BYTES or len(text.encode()) > MAX_PROPERTIES_BYTES:
        raise PropertiesInvalid(
            f"value_is_invalid: is longer than {MAX_PROPERTIES_BYTES} bytes as JSON"
        )
    return text


def read_properties(text: str | None) -> dict[str, Property]:
    """Properties from their text, also as PostgreSQL writes it; numbers exact.

    No text: none. Raises ValueError when it is not the text of an object.
    """
    if text is None:
        return {}
    found: Any = json.loads(text, parse_float=Decimal)
    if not isinstance(found, dict):
        raise ValueError("not properties")
    return found


def given_properties(text: str | None) -> str | None:
    """The text, or None when nothing is said in it."""
    return None if text == "{}" else text


def plain_text(value: Property) -> str | None:
    """A plain value as text, as a metric reads it: true, 12.50; None: there is none."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(Decimal(value), "f")


def _name(name: str) -> str:
    try:
        return json.dumps(check_text(name), ensure_ascii=False)
    except TextInvalid as error:
        code, _, sentence = str(error).partition(": ")
        raise PropertiesInvalid(f"{code}: a property's name {sentence}") from error


def _value(value: object) -> str:
    if isinstance(value, str):
        if _FORBIDDEN.search(value):
            raise PropertiesInvalid(
                "value_is_invalid: has a NUL character or a lone surrogate in it"
            )
        return json.dumps(value, ensure_ascii=False)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, int | Decimal):
        raise PropertiesInvalid(
            "value_is_invalid: a property is a string, a number, a boolean or null"
        )
    try:
        number = check_number(Decimal(value))
    except NumberInvalid as error:
        raise PropertiesInvalid(f"value_is_invalid: a property {error}") from error
    return format(number, "f") if number else "0"
