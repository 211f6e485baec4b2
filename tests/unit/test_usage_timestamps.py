"""Which timestamps a counter may have, and how exactly they are read."""

from decimal import Decimal
from typing import Any

import pytest

from tests.usage_items import GOOD_US, read, without


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
