"""Lists within metrics, charges and plans, which are kept as JSON text.

A metric's filters: ``[{"key", "values": [text]}]``. A charge's: ``[{"name", "values":
{key: [text]}, "included", "price", "package_size", "tiers", "fixed", "free_events",
"group_keys"}]``; its group keys: ``[text]``. A plan's thresholds: ``[{"amount",
"recurring", "name"}]``. Numbers are texts, so that no digit is lost.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .exact_decimal import decimal_of

NUMBERS = ("included", "price", "package_size", "fixed", "free_events")

Values = dict[str, list[str]]


class TermsError(ValueError):
    """The text is no such list; it begins with what it is the text of."""


def read_metric_filters(text: Any) -> Values:
    """The values by key. Raises TermsError, as all of these."""
    found: Values = {}
    for place, item in enumerate(_list(text, "filters")):
        where = f"filters[{place}]"
        _only(item, {"key", "values"}, where)
        key = _word(item.get("key"), f"{where}.key")
        if key in found:
            raise TermsError(f"{where}.key: {key!r} stands there twice")
        found[key] = _words(item.get("values"), f"{where}.values")
    return found


def read_charge_filters(text: Any) -> list[Values]:
    """The values by key, filter by filter."""
    found: list[Values] = []
    for place, item in enumerate(_list(text, "filters")):
        where = f"filters[{place}]"
        _only(item, {"name", "values", "tiers", "group_keys", *NUMBERS}, where)
        values = item.get("values")
        if not isinstance(values, Mapping) or not values:
            raise TermsError(f"{where}.values: must be values by key")
        found.append({_word(k, where): _words(values[k], where) for k in values})
        for name in NUMBERS:
            _number(item.get(name), f"{where}.{name}")
        if not isinstance(item.get("tiers") or [], list):
            raise TermsError(f"{where}.tiers: must be a list")
        if item.get("group_keys"):
            _words(item["group_keys"], f"{where}.group_keys")
    return found


def check_group_keys(text: Any) -> None:
    """A list of property names."""
    keys = _list(text, "group_keys")
    if keys:
        _words(keys, "group_keys")


def check_thresholds(text: Any) -> None:
    """A list of amounts."""
    for place, item in enumerate(_list(text, "usage_thresholds")):
        where = f"usage_thresholds[{place}]"
        _only(item, {"amount", "recurring", "name"}, where)
        if item.get("amount") is None:
            raise TermsError(f"{where}.amount: missing")
        if not (_number(item["amount"], f"{where}.amount") or 0) > 0:
            raise TermsError(f"{where}.amount: must be above zero")
        if not isinstance(item.get("recurring", False), bool):
            raise TermsError(f"{where}.recurring: must be true or false")


def missing_value(filters: Iterable[Values], allowed: Values) -> str | None:
    """The first key and value of the filters that are not allowed, as a text."""
    for values in filters:
        for key, wanted in values.items():
            for value in wanted:
                if value not in allowed.get(key, ()):
                    return f"{key} {value}"
    return None


def _list(text: Any, where: str) -> list[Any]:
    try:
        found = json.loads(text or "[]")
    except (ValueError, RecursionError) as error:
        raise TermsError(f"{where}: is not JSON: {error}") from error
    if not isinstance(found, list):
        raise TermsError(f"{where}: must be a list")
    return found


def _only(item: Any, known: set[str], where: str) -> None:
    if not isinstance(item, Mapping):
        raise TermsError(f"{where}: must be an object")
    if unknown := sorted(set(item) - known):
        raise TermsError(f"{where}.{unknown[0]}: is not known")


def _words(values: Any, where: str) -> list[str]:
    if not isinstance(values, list) or not values:
        raise TermsError(f"{where}: must be a list of texts")
    found = [_word(value, where) for value in values]
    if len(set(found)) < len(found):
        raise TermsError(f"{where}: has a text twice")
    return found


def _word(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TermsError(f"{where}: must be a text")
    return value


def _number(value: Any, where: str) -> Any:
    if value is None:
        return None
    try:
        if not isinstance(value, str):
            raise ValueError(value)
        number = decimal_of(value, where)
    except ValueError as error:
        raise TermsError(f"{where}: {value!r} is not a number as text") from error
    if number < 0:
        raise TermsError(f"{where}: must be 0 or more")
    return number
