"""What a counter may look like, each reason to refuse one, and the fast reader."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from ingest_api.counters import judge, read_counters, read_well_formed
from schemas.messages import Counter
from schemas.numbers import parse_number
from schemas.usage import MAX_COUNTERS, MAX_MEMBERS, CounterSchema, UsageSchema

GOOD: dict[str, Any] = {
    "transaction_id": "t-1",
    "external_subscription_id": "sub-1",
    "code": "cpu_seconds",
    "timestamp": 1_767_225_600,
    "value": "12.50",
}
GOOD_US = 1_767_225_600_000_000


def without(*names: str, **more: Any) -> dict[str, Any]:
    return {**{k: v for k, v in GOOD.items() if k not in names}, **more}


def read(item: Any, **aggregations: str) -> tuple[list[Counter], list[Any]]:
    counters, refusals = read_counters([item], aggregations)
    return list(counters), [refusal.errors for refusal in refusals]


@pytest.mark.parametrize(
    ("timestamp", "microseconds"),
    [
        (1_767_225_600, GOOD_US),
        ("1767225600", GOOD_US),
        (Decimal("1767225600.5"), GOOD_US + 500_000),
        ("1767225600.1234567", GOOD_US + 123_456),
        (Decimal("1.7672256E9"), GOOD_US),
        ("2026-01-01T00:00:00Z", GOOD_US),
        ("2026-01-01T00:00:00.000001Z", GOOD_US + 1),
        ("2026-01-01T00:00:00,5Z", GOOD_US + 500_000),
        ("2025-12-31T19:00:00-05:00", GOOD_US),
        ("2026-01-01 05:30:00+0530", GOOD_US),
        ("2026-01-01T00:00Z", GOOD_US),
        ("2000-01-01T00:00:00Z", 946_684_800_000_000),
        ("2099-12-31T23:59:59.999999Z", 4_102_444_799_999_999),
    ],
)
def test_a_timestamp_is_read_to_the_microsecond(
    timestamp: Any, microseconds: int
) -> None:
    [counter], _ = read(without(timestamp=timestamp))

    assert counter.timestamp_us == microseconds


@pytest.mark.parametrize(
    ("timestamp", "hint"),
    [
        (1_767_225_600_000, "milliseconds"),
        ("1767225600000", "milliseconds"),
        (1_767_225_600_000_000, "microseconds"),
        (1_767_225_600_000_000_000, "nanoseconds"),
        (946_684_799, "2000"),
        (4_102_444_800, "2099"),
        (0, "2000"),
        (-1, "2000"),
        (Decimal("1e400"), "2000"),
        (Decimal("-1e400"), "2000"),
        (Decimal("Infinity"), "2000"),
        (Decimal("1767225600." + "1" * 50), "digits"),
        ("0001-01-01T00:00:00Z", "2000"),
        ("0001-01-01T00:00:00+23:59", "2000"),
        ("9999-12-31T23:59:59-23:59", "2000"),
        ("2026-02-30T00:00:00Z", "no existing"),
        ("2026-01-01T24:00:00Z", "no existing"),
        ("2026-01-01T00:00:60Z", "no existing"),
        ("2026-01-01T00:00:00+24:00", "no existing"),
        ("2026-01-01T00:00:00", "offset"),
        ("2026-01-01", "offset"),
        ("\u0662026-01-01T00:00:00Z", "offset"),
        ("1e9", "offset"),
        ("-1", "offset"),
        ("now", "offset"),
        ("", "offset"),
        ("1" * 1_000_000, "offset"),
        (True, "seconds"),
        ([], "seconds"),
        ({}, "seconds"),
    ],
)
def test_a_timestamp_that_is_none_is_refused_with_a_hint(
    timestamp: Any, hint: str
) -> None:
    counters, [errors] = read(without(timestamp=timestamp))

    assert counters == []
    [text] = errors["timestamp"]
    assert text.startswith("invalid_format: ")
    assert hint in text
    assert len(text) < 150


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


ANY_TEXT = st.one_of(
    st.text(st.characters(), max_size=4),
    st.sampled_from(["t", "é" * 255, "x" * 256, "\0", "\x7f", "\ud800", "", " "]),
)
ANY_NUMBER = st.one_of(
    st.integers(),
    st.integers(10**29, 10**31),
    st.decimals(allow_nan=True),
    st.decimals(0, 2, places=21),
    st.sampled_from([946_684_799, 946_684_800, 4_102_444_799, 4_102_444_800]),
)
ANYTHING = st.one_of(
    ANY_TEXT, ANY_NUMBER, st.none(), st.booleans(), st.lists(ANY_TEXT, max_size=3)
)
TIMESTAMPS = st.one_of(
    st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()),
    st.integers(946_684_790, 4_102_444_810),
    st.decimals(946_684_799, 946_684_801).map(str),
    ANYTHING,
)
ITEMS = st.fixed_dictionaries(
    {},
    optional={
        "transaction_id": ANY_TEXT,
        "external_subscription_id": ANY_TEXT,
        "code": st.one_of(ANY_TEXT, ANYTHING),
        "timestamp": TIMESTAMPS,
        "value": ANYTHING,
        "values": st.one_of(st.lists(ANYTHING, max_size=3), ANYTHING),
        "other": ANYTHING,
    },
)
NEARLY_GOOD = st.builds(
    lambda part: {**GOOD, **part}, ITEMS.map(lambda item: dict(list(item.items())[:1]))
)


@given(st.one_of(ITEMS, NEARLY_GOOD, ANYTHING))
def test_what_the_fast_reader_takes_the_schema_takes_alike(item: Any) -> None:
    fast = read_well_formed(0, item, set())

    if fast is not None:
        assert judge(0, item) == (fast, {})


@given(st.lists(NEARLY_GOOD, min_size=2, max_size=5))
def test_an_item_is_judged_the_same_whatever_stands_before_it(
    items: list[dict[str, Any]],
) -> None:
    counters, refusals = read_counters(items, {})

    judged = [judge(index, item) for index, item in enumerate(items)]
    assert [c for c, _ in judged if c is not None] == list(counters)
    assert [i for i, (c, _) in enumerate(judged) if c is None] == [
        refusal.index for refusal in refusals
    ]


def test_the_fast_reader_takes_what_apps_send() -> None:
    iso = without(timestamp="2026-01-31T23:59:59.123Z", value=Decimal("0.5"))
    members = without("value", values=["a", "b"])

    for item in (GOOD, iso, members):
        assert read_well_formed(0, item, set()) == judge(0, item)[0]
        assert CounterSchema().load(item)
