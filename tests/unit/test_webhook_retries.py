"""When a webhook is tried again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.retries import (
    MAX_RETRY_AFTER,
    SCHEDULE,
    next_attempt_at,
    parse_retry_after,
)

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


@given(st.integers(1, len(SCHEDULE) - 1), st.floats(0, 1))
def test_the_wait_is_the_schedules_times_1_to_1_2(failures: int, jitter: float) -> None:
    at = next_attempt_at(failures, NOW, jitter=jitter, retry_after=None)

    assert at is not None
    assert SCHEDULE[failures] <= at - NOW <= SCHEDULE[failures] * 1.2


def test_the_tenth_failure_is_the_last() -> None:
    assert len(SCHEDULE) == 10
    assert next_attempt_at(9, NOW, jitter=0, retry_after=None) is not None
    assert next_attempt_at(10, NOW, jitter=0, retry_after=None) is None


def test_retry_after_only_puts_off() -> None:
    hour = timedelta(hours=1)

    assert next_attempt_at(1, NOW, jitter=0, retry_after=hour) == NOW + hour
    assert next_attempt_at(4, NOW, jitter=0, retry_after=hour) == NOW + 2 * hour


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        (" 120 ", 120),
        ("Mon, 15 Jun 2026 12:01:00 GMT", 60),
        ("Mon, 15 Jun 2026 11:00:00 GMT", 0),
        ("999999", MAX_RETRY_AFTER.total_seconds()),
        ("9" * 400, MAX_RETRY_AFTER.total_seconds()),
        ("Mon, 15 Jun 2099 11:00:00 GMT", MAX_RETRY_AFTER.total_seconds()),
    ],
)
def test_retry_after_is_seconds_or_a_date_of_at_most_ten_hours(
    header: str, seconds: float
) -> None:
    assert parse_retry_after(header, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "soon",
        "-5",
        "1.5",
        "\u0665",
        f"Mon, 15 Jun {'9' * 20} 11:00:00 GMT",
        f"Mon, 15 Jun 2026 11:00:00 +{'9' * 20}",
    ],
)
def test_a_retry_after_that_cannot_be_read_is_none(header: str | None) -> None:
    assert parse_retry_after(header, NOW) is None


@given(st.text())
def test_no_retry_after_raises(header: str) -> None:
    wait = parse_retry_after(header, NOW)

    assert wait is None or timedelta(0) <= wait <= MAX_RETRY_AFTER
