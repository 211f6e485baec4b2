"""What a counter may look like, and each reason to refuse one."""

from decimal import Decimal
from typing import Any

import pytest
from marshmallow import ValidationError

from ingest_api.counters import read_counters
from schemas.numbers import parse_number
from schemas.usage import MAX_COUNTERS, MAX_MEMBERS, UsageSchema
from tests.usage_items import GOOD, read, without


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-7, "-7"),
        (10**30 - 1, "9" * 30),
        (Decimal("12.50"), "12.50"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E-20"), "0." + "0" * 19 + "1"),
        (Decimal("0E+999999"), "0"),
        ("12.50", "12.50"),
        ("user-7", "user-7"),
        ("é" * 255, "é" * 255),
    ],
)
def test_a_value_becomes_plain_text(value: Any, text: str) -> None:
    [counter], _ = read(without(value=value))

    assert (counter.value, counter.members) == (text, None)


BAD_VALUES = [
    (Decimal("1e400"), "digits before the point"),
    (Decimal("1e-400"), "digits after the point"),
    (Decimal("Infinity"), "finite"),
    (10**30, "digits before the point"),
    (10**40, "digits before the point"),
    (Decimal("0." + "1" * 40), "digits after the point"),
    (Decimal("1" * 40), "digits before the point"),
    (True, "number or a string"),
    (None, "null"),
    ([], "number or a string"),
    ({}, "number or a string"),
    ("", "empty"),
    ("x" * 256, "longer"),
    ("x" * 1_000_000, "longer"),
    ("a\0b", "control"),
    ("a\nb", "control"),
    ("\x85", "control"),
    ("\ud800", "surrogate"),
]


@pytest.mark.parametrize(("value", "hint"), BAD_VALUES)
def test_a_value_that_is_none_is_refused(value: Any, hint: str) -> None:
    counters, [errors] = read(without(value=value))

    assert counters == []
    [text] = errors["value"]
    assert hint in text
    assert len(text) < 150


@pytest.mark.parametrize(
    "text", ["", "x" * 256, "x" * 1_000_000, "\0", "\t", "\x7f", "\udfff", 7, None, []]
)
@pytest.mark.parametrize("name", ["transaction_id", "external_subscription_id", "code"])
def test_an_id_is_a_short_text_that_can_be_stored(name: str, text: Any) -> None:
    counters, [errors] = read(without(**{name: text}))

    assert counters == []
    assert list(errors) == [name]
    assert len(errors[name][0]) < 150


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("x" * 255, True),
        ("\u20ac" * 255, True),
        ("\U0001f600" * 191 + "x", True),
        ("\U0001f600" * 191 + "xx", False),
        ("\U0001f600" * 255, False),
    ],
)
def test_a_text_is_bounded_in_characters_and_in_bytes(text: str, fits: bool) -> None:
    ids = dict.fromkeys(("transaction_id", "external_subscription_id", "code"), text)
    counters, errors = read(without("value", **ids, values=[text]))

    assert bool(counters) == fits
    for names in errors:
        assert list(names) == [*ids, "values"]
        assert all("765 bytes in UTF-8" in texts[0] for texts in names.values())


@pytest.mark.parametrize("name", [name for name in GOOD if name != "value"])
def test_a_field_that_is_missing_is_named(name: str) -> None:
    _, [errors] = read(without(name))

    assert errors == {name: ["value_is_mandatory: is missing"]}


def test_members_are_distinct_and_sorted_bytewise() -> None:
    [counter], _ = read(without("value", values=["b", "é", "B", "b", 2, Decimal("10")]))

    assert counter.members == ("10", "2", "B", "b", "é")


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        ([], "empty"),
        (["a"] * (MAX_MEMBERS + 1), "more than"),
        (["a", ""], "member 1"),
        (["a", True], "member 1"),
        ([["a"]], "member 0"),
        ("abc", "list"),
        ({}, "list"),
        (None, "null"),
    ],
)
def test_members_that_are_none_are_refused(values: Any, hint: str) -> None:
    counters, [errors] = read(without("value", values=values))

    assert counters == []
    assert hint in errors["values"][0]


def test_exactly_one_of_value_and_values_is_given() -> None:
    _, [neither] = read(without("value"))
    _, [both] = read(without(values=["a"]))

    assert list(neither) == ["value"]
    assert list(both) == ["values"]


def test_unknown_fields_are_refused_and_not_repeated_at_length() -> None:
    _, [errors] = read(without(**{"x" * 1_000_000: 1, "\ud800\0": 2}))

    assert len(errors) == 2
    assert all(len(name) < 70 and name.isprintable() for name in errors)


def test_very_many_unknown_fields_are_one_error() -> None:
    _, [errors] = read({f"field-{n}": n for n in range(100_000)})

    assert list(errors) == ["_schema"]


@pytest.mark.parametrize("item", [None, 1, "text", [], [["a", 1]], True])
def test_an_item_that_is_no_object_is_refused(item: Any) -> None:
    _, [errors] = read(item)

    assert errors == {"_schema": ["value_is_invalid: must be an object"]}


@pytest.mark.parametrize("aggregation", ["sum", "max", "last"])
def test_a_known_metric_of_numbers_takes_numbers_only(aggregation: str) -> None:
    known = {"cpu_seconds": aggregation}

    [counter], _ = read(GOOD, **known)
    _, [text] = read(without(value="seven"), **known)
    _, [exponent] = read(without(value="1e3"), **known)
    _, [members] = read(without("value", values=["7"]), **known)

    assert counter.value is not None
    assert parse_number(counter.value) == Decimal("12.5")
    assert list(text) == list(exponent) == ["value"]
    assert list(members) == ["values"]


def test_a_refusal_keeps_the_transaction_id_only_if_it_can_be_stored() -> None:
    items = [without(value=None), without(transaction_id="\0"), None]

    _, refusals = read_counters(items, {})

    assert [refusal.transaction_id for refusal in refusals] == ["t-1", None, None]
    assert [refusal.index for refusal in refusals] == [0, 1, 2]
    assert refusals[0].to_rejection().reason == "value: value_is_mandatory: is null"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"counters": []}, "counters"),
        ({"counters": [GOOD] * (MAX_COUNTERS + 1)}, "counters"),
        ({"counters": None}, "counters"),
        ({"counters": {}}, "counters"),
        ({"counters": [GOOD], "more": 1}, "more"),
        ({}, "counters"),
    ],
)
def test_a_batch_is_one_list_of_bounded_length(body: Any, field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        UsageSchema().load(body)

    assert list(caught.value.messages_dict) == [field]
