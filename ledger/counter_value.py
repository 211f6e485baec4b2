"""Which value a counter has for its metric. Pure.

One that brings none has it among its properties, under the name that the metric says
(``field_name``), as Lago's events do; a count metric needs none.
"""

from dataclasses import dataclass

from schemas.messages import Counter
from schemas.numbers import NumberInvalid, parse_number
from schemas.properties import plain_text, read_properties
from schemas.texts import TextInvalid, check_text

VALUE_INVALID = "value_is_invalid"
VALUES_NOT_UNIQUE = "values_need_a_unique_metric"
PROPERTY_MISSING = "property_missing"

Members = tuple[str, ...]


class ValueMisfit(ValueError):
    """The counter has no value that this metric takes; the text is the reason code."""


@dataclass(frozen=True)
class Metric:
    """A known metric: its key in the ledger, how it aggregates, and the property in
    which counters without a value of their own have it."""

    id: int
    aggregation: str
    field_name: str | None = None


def value_of(counter: Counter, metric: Metric) -> tuple[str | None, Members | None]:
    """The text of a number, or of a unique metric the members, sorted, each once.

    Raises ValueMisfit.
    """
    if counter.value is None and counter.members is None:
        return _from_properties(counter, metric)
    if metric.aggregation == "unique":
        members = counter.members
        if members is None:
            members = () if counter.value is None else (counter.value,)
        return None, tuple(sorted(set(members)))
    if counter.value is None:
        raise ValueMisfit(VALUES_NOT_UNIQUE)
    return _number(counter.value), None


def _from_properties(
    counter: Counter, metric: Metric
) -> tuple[str | None, Members | None]:
    if metric.aggregation == "count":
        return "1", None
    if metric.field_name is None:
        raise ValueMisfit(PROPERTY_MISSING)
    given = read_properties(counter.properties).get(metric.field_name)
    text = plain_text(given)
    if text is None:
        raise ValueMisfit(PROPERTY_MISSING)
    if metric.aggregation == "unique":
        return None, (_member(text),)
    if isinstance(given, bool):
        raise ValueMisfit(f"{VALUE_INVALID}: is not a decimal number")
    return _number(text), None


def _number(text: str) -> str:
    try:
        return format(parse_number(text), "f")
    except NumberInvalid as error:
        raise ValueMisfit(f"{VALUE_INVALID}: {error}") from error


def _member(text: str) -> str:
    try:
        return check_text(text)
    except TextInvalid as error:
        sentence = str(error).partition(": ")[2]
        raise ValueMisfit(f"{VALUE_INVALID}: {sentence}") from error
