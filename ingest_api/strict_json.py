"""JSON as RFC 8259 has it, and no more: what other parsers would read differently, or
not at all, is an error. Numbers become int or Decimal, never float.
"""

import json
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

MAX_INT_DIGITS: Final = 40
"""A longer integer is read as a Decimal: int() is quadratic, and refuses 4,300."""

_INFINITE: Final = Decimal("Infinity")


class JsonInvalid(ValueError):
    """Not JSON; says what is wrong and where, and repeats nothing of it."""


class TooManyObjects(ValueError):
    """More objects than a body of ours can hold; reading stopped there."""


def parse_json(body: bytes, max_objects: int) -> Any:
    """The value of a body in UTF-8. A number beyond Decimal's range reads as infinite.

    Raises JsonInvalid, or TooManyObjects, which bounds what a small body can grow to.
    """
    objects = 0

    def build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal objects
        objects += 1
        if objects > max_objects:
            raise TooManyObjects
        built = dict(pairs)
        if len(built) != len(pairs):
            raise JsonInvalid("an object has the same key twice")
        return built

    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=build_object,
            parse_int=_read_int,
            parse_float=_read_decimal,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError as error:
        raise JsonInvalid(f"not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise JsonInvalid(f"not JSON at {where}: {error.msg}") from error
    except RecursionError as error:
        raise JsonInvalid("nested too deep") from error


def _read_int(text: str) -> int | Decimal:
    return int(text) if len(text) <= MAX_INT_DIGITS else _read_decimal(text)


def _read_decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return _INFINITE


def _refuse_constant(_: str) -> NoReturn:
    raise JsonInvalid("NaN and Infinity are not JSON")
