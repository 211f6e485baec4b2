"""Properties: what is let in, and that it comes back as it was given."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.properties import (
    MAX_PROPERTIES_BYTES,
    PropertiesInvalid,
    plain_text,
    read_properties,
    write_properties,
)

NAMES = st.text(
    st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=255
).filter(lambda name: len(name.encode()) <= 765)
STRINGS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBERS = st.integers(-(10**30) + 1, 10**30 - 1) | st.decimals(
    -(10**9), 10**9, places=20
)
VALUES = STRINGS | NUMBERS | st.booleans() | st.none()
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=6)


@given(OBJECTS)
def test_properties_come_back_as_they_were_given(given: dict[str, Any]) -> None:
    back = read_properties(write_properties(given))

    assert back == given
    assert {n: type(v) is bool for n, v in back.items()} == {
        n: type(v) is bool for n, v in given.items()
    }


@given(OBJECTS)
def test_equal_properties_are_equal_texts(given: dict[str, Any]) -> None:
    backwards = dict(reversed(given.items()))

    assert write_properties(given) == write_properties(backwards)


@given(OBJECTS)
def test_the_text_is_json(given: dict[str, Any]) -> None:
    assert json.loads(write_properties(given)).keys() == given.keys()


def test_no_number_has_an_exponent_or_a_negative_zero() -> None:
    given = {"a": Decimal("1E+3"), "b": Decimal("-0.0"), "c": Decimal("0E+999999")}

    assert write_properties(given) == '{"a":1000,"b":0,"c":0}'


def test_nothing_is_no_properties() -> None:
    assert read_properties(None) == {}


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        "text",
        7,
        {"a": {}},
        {"a": []},
        {"a": 1.5},
        {"": 1},
        {"a" * 256: 1},
        {"\0": 1},
        {"a": "\0"},
        {"a": "\ud800"},
        {"\udc00": 1},
        {"a": 10**30},
        {"a": Decimal("1E+999999")},
        {"a": Decimal("Infinity")},
        {"a": Decimal("1E-21")},
        {f"a{number}": 1 for number in range(51)},
        {"a": "x" * MAX_PROPERTIES_BYTES},
        {"a": "ä" * (MAX_PROPERTIES_BYTES // 2)},
    ],
)
def test_what_is_no_properties_is_refused(given: Any) -> None:
    with pytest.raises(PropertiesInvalid, match=r"^value_is_"):
        write_properties(given)


def test_as_many_as_may_be_are_taken() -> None:
    write_properties({f"a{number}": "x" * 250 for number in range(50)})
    write_properties({"a": "x" * (MAX_PROPERTIES_BYTES - len('{"a":""}'))})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a b", "a b"),
        (True, "true"),
        (False, "false"),
        (None, None),
        (7, "7"),
        (Decimal("12.50"), "12.50"),
    ],
)
def test_a_value_has_a_text(value: Any, text: str | None) -> None:
    assert plain_text(value) == text
