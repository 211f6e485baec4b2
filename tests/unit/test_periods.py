"""Periods tile a subscription's life, and agree with walking the calendar by day."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.periods import ANCHORS, INTERVALS, Period, Terms, period_at
from tests.model import periods_by_day

ZONES = (
    "UTC",
    "America/Toronto",
    "America/Havana",  # sets its clock at midnight
    "Africa/Cairo",  # likewise, on a Friday
    "Australia/Lord_Howe",  # moves by half an hour
    "Asia/Kathmandu",
    "Pacific/Apia",  # left out a whole day in 2011
)
STARTS = st.integers(1_200_000_000, 1_900_000_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)
TERMS = st.builds(
    Terms,
    interval=st.sampled_from(INTERVALS),
    anchor=st.sampled_from(ANCHORS),
    timezone=st.sampled_from(ZONES),
    started_at=STARTS,
    ended_at=st.none(),
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@given(TERMS)
def test_periods_are_those_of_a_walk_over_the_calendar(terms: Terms) -> None:
    expected = periods_by_day(terms, 2300)

    for period in expected[:40]:
        assert period_at(terms, period.start) == period
        assert period_at(terms, period.end - timedelta(microseconds=1)) == period


@given(TERMS, st.timedeltas(timedelta(0), timedelta(days=4000)), st.data())
def test_periods_tile_the_life_without_gap_or_overlap(
    terms: Terms, offset: timedelta, data: st.DataObject
) -> None:
    life = data.draw(st.timedeltas(timedelta(seconds=1), timedelta(days=900)))
    ended = Terms(
        terms.interval,
        terms.anchor,
        terms.timezone,
        terms.started_at,
        terms.started_at + life,
    )
    assert ended.ended_at is not None
    instant, seen = ended.started_at, 0

    while instant < ended.ended_at:
        period = period_at(ended, instant)
        assert period is not None
        assert period.start == instant < period.end <= ended.ended_at
        instant, seen = period.end, seen + 1

    assert seen >= 1
    assert period_at(ended, ended.started_at - timedelta(microseconds=1)) is None
    assert period_at(ended, ended.ended_at + offset) is None


def test_the_31st_falls_on_short_months_and_comes_back() -> None:
    terms = Terms(
        "monthly", "anniversary", "UTC", at("2027-01-31T00:00:00+00:00"), None
    )
    starts = []
    instant = terms.started_at
    for _ in range(5):
        period = period_at(terms, instant)
        assert period is not None
        starts.append(period.start.date().isoformat())
        instant = period.end

    assert starts == [
        "2027-01-31",
        "2027-02-28",
        "2027-03-31",
        "2027-04-30",
        "2027-05-31",
    ]


def test_29_february_comes_back_in_leap_years() -> None:
    terms = Terms("yearly", "anniversary", "UTC", at("2024-02-29T00:00:00+00:00"), None)

    second = period_at(terms, at("2025-06-01T00:00:00+00:00"))
    fifth = period_at(terms, at("2028-06-01T00:00:00+00:00"))

    assert second is not None
    assert fifth is not None
    assert second.start.date().isoformat() == "2025-02-28"
    assert fifth.start.date().isoformat() == "2028-02-29"


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-08", 23), ("2026-03-09", 24), ("2026-11-01", 25)]
)
def test_a_week_holds_days_of_23_and_25_hours(day: str, hours: int) -> None:
    zone = ZoneInfo("America/Toronto")
    start = datetime.fromisoformat(day).replace(tzinfo=zone).astimezone(UTC)
    terms = Terms("weekly", "anniversary", "America/Toronto", start, None)

    period = period_at(terms, start)

    assert period == Period(start, start + timedelta(hours=6 * 24 + hours))
