"""A batch's items, told apart: counters to take, and items to refuse, each with why.

``CounterSchema`` is the definition. What is plainly well-formed is read here at ten
times its speed; everything else, and so every refusal, is left to the schema. A
property test holds the two equal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from marshmallow import ValidationError

from schemas.messages import Counter, Rejection
from schemas.numbers import NumberInvalid, parse_number
from schemas.properties import (
    PropertiesInvalid,
    given_properties,
    write_properties,
)
from schemas.texts import MAX_TEXT_CHARS, TextInvalid, check_text
from schemas.timestamps import EARLIEST_US, LATEST_US, TimestampInvalid, read_timestamp
from schemas.usage import (
    CounterSchema,
    ValueInvalid,
    read_members,
    read_value,
)

MAX_ERROR_FIELDS: Final = 10
MAX_NAME_CHARS: Final = 64
NUMERIC: Final = ("sum", "max", "last", "count")

_SCHEMA: Final = CounterSchema()
_EARLIEST_SECONDS: Final = EARLIEST_US // 1_000_000
_LATEST_SECONDS: Final = LATEST_US // 1_000_000
_PLAIN_INT: Final = 10**18
_NOT_UNIQUE: Final = "values_need_a_unique_metric: this metric takes one number"


@dataclass(frozen=True)
class Refusal:
    """An item refused at the door; ``errors`` are lists of texts by field, bounded."""

    index: int
    transaction_id: str | None
    errors: Mapping[str, list[str]]

    def to_rejection(self) -> Rejection:
        """The same for the receipt."""
        texts = (
            f"{name}: {text}" for name, all_ in self.errors.items() for text in all_
        )
        return Rejection(self.index, self.transaction_id, "; ".join(texts))


def read_counters(
    items: Sequence[Any], aggregations: Mapping[str, str]
) -> tuple[tuple[Counter, ...], tuple[Refusal, ...]]:
    """Tell a batch's items apart; each is in exactly one of the two, in order.

    ``aggregations``: by metric code, as far as known; values of the metrics named there
    are held to be numbers.
    """
    counters: list[Counter] = []
    refusals: list[Refusal] = []
    checked: set[str] = set()
    for index, item in enumerate(items):
        counter = read_well_formed(index, item, checked)
        errors: Mapping[str, list[str]] = {}
        if counter is None:
            counter, errors = judge(index, item)
        if counter is not None:
            errors = _value_errors(counter, aggregations.get(counter.code))
            if not errors:
                counters.append(counter)
                continue
        refusals.append(Refusal(index, _transaction_id(item), _bounded(errors)))
    return tuple(counters), tuple(refusals)


def read_well_formed(index: int, item: Any, checked: set[str]) -> Counter | None:
    """The counter, if the item is plainly one; None leaves it to the schema.

    ``checked`` remembers texts of this batch that were good: codes come by the hundred.
    """
    if type(item) is not dict:
        return None
    try:
        properties = None
        if "properties" in item:
            properties = given_properties(write_properties(item["properties"]))
            if len(item) != (6 if "value" in item or "values" in item else 5):
                return None
        elif len(item) != 5:
            return None
        transaction_id = item["transaction_id"]
        subscription = item["external_subscription_id"]
        code = item["code"]
        timestamp = item["timestamp"]
        if "value" in item:
            raw, members = item["value"], None
        elif "values" in item:
            raw, members = None, read_members(item["values"])
        elif "properties" in item:
            raw, members = None, None
        else:
            return None
        for text in (transaction_id, subscription, code):
            if type(text) is not str:
                return None
            if text not in checked:
                if not (text.isascii() and text.isprintable()):
                    check_text(text)
                elif not 0 < len(text) <= MAX_TEXT_CHARS:
                    return None
                if text is not transaction_id:
                    checked.add(text)
        if type(timestamp) is int and _EARLIEST_SECONDS <= timestamp < _LATEST_SECONDS:
            timestamp_us = timestamp * 1_000_000
        else:
            timestamp_us = read_timestamp(timestamp)
        if raw is None and "value" not in item:
            value = None
        elif type(raw) is int and -_PLAIN_INT < raw < _PLAIN_INT:
            value = str(raw)
        else:
            value = read_value(raw)
    except (KeyError, PropertiesInvalid, TextInvalid, TimestampInvalid, ValueInvalid):
        return None
    return Counter(
        index,
        transaction_id,
        subscription,
        code,
        timestamp_us,
        value,
        members,
        properties,
    )


def judge(index: int, item: Any) -> tuple[Counter | None, Mapping[str, list[str]]]:
    """The item as the schema sees it: a counter, or the errors by field."""
    try:
        loaded = _SCHEMA.load(item)
    except ValidationError as error:
        return None, error.messages_dict
    counter = Counter(
        index=index,
        transaction_id=loaded["transaction_id"],
        external_subscription_id=loaded["external_subscription_id"],
        code=loaded["code"],
        timestamp_us=loaded["timestamp"],
        value=loaded.get("value"),
        members=loaded.get("values"),
        properties=given_properties(loaded.get("properties")),
    )
    return counter, {}


def _value_errors(counter: Counter, aggregation: str | None) -> Mapping[str, list[str]]:
    if aggregation not in NUMERIC:
        return {}
    if counter.members is not None:
        return {"values": [_NOT_UNIQUE]}
    if counter.value is None:  # it is among the properties, which the worker reads
        return {}
    try:
        parse_number(counter.value)
    except NumberInvalid as error:
        return {"value": [f"value_is_invalid: {error}"]}
    return {}


def _transaction_id(item: Any) -> str | None:
    """The refused item's transaction_id, if that much of it is good."""
    text = item.get("transaction_id") if isinstance(item, dict) else None
    try:
        return check_text(text) if isinstance(text, str) else None
    except TextInvalid:
        return None


def _bounded(errors: Mapping[Any, list[str]]) -> dict[str, list[str]]:
    """Errors of few fields, each field's name short and printable."""
    names = list(errors)[:MAX_ERROR_FIELDS]
    return {_printable(str(name)): errors[name] for name in names}


def _printable(name: str) -> str:
    short = name if len(name) <= MAX_NAME_CHARS else f"{name[:MAX_NAME_CHARS]}…"
    return "".join(c if c.isprintable() else "�" for c in short)
