"""Which value a counter has: its own, or that of the property its metric names."""

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.counter_value import (
    PROPERTY_MISSING,
    VALUE_INVALID,
    VALUES_NOT_UNIQUE,
    Metric,
    ValueMisfit,
    value_of,
)
from schemas.messages import Counter
from schemas.properties import write_properties

NUMERIC = ("sum", "max", "last")
SCALARS = (
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
    | st.sampled_from(["-1.50", "007", "1e3", ".5", "1.", " 1", "٣", "1" * 31])
    | st.integers(-(10**30) + 1, 10**30 - 1)
    | st.decimals(-(10**6), 10**6, places=3)
    | st.booleans()
    | st.none()
)


def event(given: dict[str, Any] | None) -> Counter:
    text = None if given is None else write_properties(given)
    return Counter(0, "t", "s", "c", 0, None, None, text)


def judged(counter: Counter, metric: Metric) -> Any:
    try:
        return value_of(counter, metric)
    except ValueMisfit as error:
        return str(error).partition(":")[0]


@given(SCALARS, st.sampled_from(NUMERIC))
def test_a_number_is_what_lago_takes_for_one(scalar: Any, aggregation: str) -> None:
    text = str(scalar) if not isinstance(scalar, Decimal) else format(scalar, "f")
    expected: Any = VALUE_INVALID
    if scalar is None:
        expected = PROPERTY_MISSING
    elif not isinstance(scalar, bool) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text):
        whole = text.lstrip("-").partition(".")[0].lstrip("0")
        expected = (format(Decimal(text), "f"), None)
        expected = expected if len(whole) <= 30 else VALUE_INVALID

    found = judged(event({"size": scalar}), Metric(1, aggregation, "size"))

    if isinstance(found, tuple) and isinstance(expected, tuple):
        assert Decimal(found[0]) == Decimal(expected[0])
    else:
        assert found == expected


@given(SCALARS)
def test_a_member_is_any_short_text(scalar: Any) -> None:
    found = judged(event({"size": scalar}), Metric(1, "unique", "size"))

    if scalar is None:
        assert found == PROPERTY_MISSING
    elif isinstance(scalar, str) and re.search("[\x00-\x1f\x7f-\x9f]|^$", scalar):
        assert found == VALUE_INVALID
    else:
        assert found[0] is None
        assert len(found[1]) == 1


def test_a_text_too_long_for_an_index_is_no_member() -> None:
    assert judged(event({"a": "x" * 256}), Metric(1, "unique", "a")) == VALUE_INVALID


@pytest.mark.parametrize("given", [None, {}, {"a": "b"}, {"size": "no number"}])
def test_a_count_metric_counts_one_whatever_is_said(given: Any) -> None:
    assert value_of(event(given), Metric(1, "count", "size")) == ("1", None)
    assert value_of(event(given), Metric(1, "count")) == ("1", None)


@pytest.mark.parametrize("aggregation", [*NUMERIC, "unique"])
@pytest.mark.parametrize("given", [None, {}, {"Size": 1}, {"size": None}])
def test_a_property_that_is_not_there_is_missing(aggregation: str, given: Any) -> None:
    assert judged(event(given), Metric(1, aggregation, "size")) == PROPERTY_MISSING


def test_a_metric_that_names_no_property_finds_none() -> None:
    assert judged(event({"size": 1}), Metric(1, "sum")) == PROPERTY_MISSING


@pytest.mark.parametrize("aggregation", NUMERIC)
def test_a_value_of_its_own_goes_before_the_property(aggregation: str) -> None:
    counter = Counter(0, "t", "s", "c", 0, "5", None, '{"size":7}')

    assert value_of(counter, Metric(1, aggregation, "size")) == ("5", None)


def test_members_are_sorted_and_each_once() -> None:
    counter = Counter(0, "t", "s", "c", 0, None, ("b", "a", "b"))

    assert value_of(counter, Metric(1, "unique")) == (None, ("a", "b"))
    assert judged(counter, Metric(1, "sum")) == VALUES_NOT_UNIQUE
