"""Periods tile a subscription's life, and agree with walking the calendar by day."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.periods import (
    ANCHORS,
    INTERVALS,
    Change,
    Period,
    Terms,
    first_open_period,
    period_at,
)
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


@st.composite
def changing_terms(draw: st.DrawFn) -> Terms:
    """Terms whose plan changes up to three times, and of which some time is frozen."""
    terms = draw(TERMS)
    seconds = st.integers(-86_400, 500 * 86_400)
    offsets = sorted(draw(st.sets(seconds, max_size=3)))
    changes = tuple(
        Change(
            terms.started_at + timedelta(seconds=offset),
            draw(st.sampled_from(INTERVALS)),
        )
        for offset in offsets
    )
    frozen = draw(st.none() | st.timedeltas(timedelta(seconds=1), timedelta(days=400)))
    until = None if frozen is None else terms.started_at + frozen
    return replace(terms, changes=changes, frozen_until=until)


@given(TERMS | changing_terms())
def test_periods_are_those_of_a_walk_over_the_calendar(terms: Terms) -> None:
    expected = periods_by_day(terms, 2300)

    for period in expected[:40]:
        assert period_at(terms, period.start) == period
        assert period_at(terms, period.end - timedelta(microseconds=1)) == period


@given(
    TERMS | changing_terms(),
    st.timedeltas(timedelta(0), timedelta(days=4000)),
    st.data(),
)
def test_periods_tile_the_life_without_gap_or_overlap(
    terms: Terms, offset: timedelta, data: st.DataObject
) -> None:
    life = data.draw(st.timedeltas(timedelta(seconds=1), timedelta(days=900)))
    ended = replace(terms, ended_at=terms.started_at + life)
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


@given(changing_terms(), st.integers(1, 10))
def test_the_first_open_period_begins_where_what_is_frozen_ends(
    terms: Terms, ended_days: int
) -> None:
    frozen_until = terms.frozen_until or terms.started_at
    ended = replace(terms, ended_at=terms.started_at + timedelta(days=ended_days))

    for each in (terms, ended):
        period = first_open_period(each)

        assert period.start == frozen_until < period.end
        assert each.ended_at is None or (
            period.end <= each.ended_at or each.ended_at <= period.start
        )


def test_another_plan_cuts_the_period_and_keeps_the_anchor() -> None:
    change = Change(at("2026-03-20T12:00:00+00:00"), "yearly")
    start = at("2026-01-15T00:00:00+00:00")
    terms = Terms("monthly", "anniversary", "UTC", start, None, (change,))

    before = period_at(terms, change.at - timedelta(microseconds=1))
    after = period_at(terms, change.at)

    assert before == Period(at("2026-03-15T00:00:00+00:00"), change.at)
    assert after == Period(change.at, at("2027-01-15T00:00:00+00:00"))
