"""Billing periods: half-open ``[start, end)``, in the subscription's own timezone.

Pure: no clock, no connection. Boundaries lie at the local midnight of a boundary date,
so a period holds days of 23 or 25 hours as they come. The first period begins at the
subscription's start, the last ends at its end. Another plan cuts the period in which it
begins, and so does the end of what is frozen, when terms were changed behind it.
"""

from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MONTHS = {"monthly": 1, "quarterly": 3, "semiannual": 6, "yearly": 12}
INTERVALS = ("weekly", *MONTHS)
ANCHORS = ("calendar", "anniversary")


@dataclass(frozen=True)
class Change:
    """From ``at`` on (aware, UTC) the subscription has a plan of this interval."""

    at: datetime
    interval: str


@dataclass(frozen=True)
class Terms:
    """What decides a subscription's periods. Instants are aware, in UTC.

    ``interval`` is its first plan's; ``changes`` come in their order. Periods that end
    by ``frozen_until`` are in the books and are not computed any more: a start that is
    moved behind them moves no period.
    """

    interval: str
    anchor: str
    timezone: str
    started_at: datetime
    ended_at: datetime | None
    changes: tuple[Change, ...] = ()
    frozen_until: datetime | None = None


@dataclass(frozen=True)
class Period:
    """``[start, end)``, aware, in UTC."""

    start: datetime
    end: datetime


def period_at(terms: Terms, instant: datetime) -> Period | None:
    """The period that holds the instant; None before the start or from the end on.

    What is frozen cuts: on its far side the answer ends there, on this side it begins
    there.
    """
    if instant < begin_of(terms):
        return None
    if terms.ended_at is not None and instant >= terms.ended_at:
        return None
    interval, lower, upper = _part_at(terms, instant)
    zone = _zone(terms.timezone)
    origin = _origin(terms, interval, zone)
    number = _number_of(interval, origin, instant.astimezone(zone).date())
    # A clock set back across midnight shows the day before again: correct the guess
    # by the instants themselves.
    while instant < _boundary(interval, origin, number, zone):
        number -= 1
    while instant >= _boundary(interval, origin, number + 1, zone):
        number += 1
    start = _boundary(interval, origin, number, zone)
    end = _boundary(interval, origin, number + 1, zone)
    return Period(
        start=max(start, lower), end=end if upper is None else min(end, upper)
    )


def first_open_period(terms: Terms) -> Period:
    """The first period that is not frozen: where late usage is billed.

    After the end of the subscription the periods go on, for corrections alone, and of a
    month at most, so that none waits for long.
    """
    start = terms.frozen_until or terms.started_at
    if terms.ended_at is not None and start >= terms.ended_at:
        interval, _, _ = _part_at(terms, start)
        if interval != "weekly":
            interval = "monthly"
        terms = replace(terms, ended_at=None, interval=interval, changes=())
    period = period_at(terms, start)
    assert period is not None  # noqa: S101 - it lies in the subscription's life
    return period


def begin_of(terms: Terms) -> datetime:
    """When its periods begin: at its start, or where the first open one does."""
    if terms.frozen_until is None:
        return terms.started_at
    return min(terms.started_at, terms.frozen_until)


def _part_at(terms: Terms, instant: datetime) -> tuple[str, datetime, datetime | None]:
    """The interval at an instant, and between which instants it cannot be cut."""
    interval, lower, upper = terms.interval, begin_of(terms), terms.ended_at
    for change in terms.changes:
        if change.at > instant:
            upper = change.at if upper is None else min(upper, change.at)
            break
        interval, lower = change.interval, max(lower, change.at)
    frozen = terms.frozen_until
    if frozen is not None and frozen <= instant:
        lower = max(lower, frozen)
    elif frozen is not None:
        upper = frozen if upper is None else min(upper, frozen)
    return interval, lower, upper


@lru_cache(maxsize=512)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _origin(terms: Terms, interval: str, zone: ZoneInfo) -> date:
    """The date that boundary number 0 falls on, at or before the start."""
    first_day = terms.started_at.astimezone(zone).date()
    if terms.anchor == "anniversary":
        return first_day
    if interval == "weekly":
        return first_day - timedelta(days=first_day.weekday())
    months = MONTHS[interval]
    return date(first_day.year, (first_day.month - 1) // months * months + 1, 1)


def _number_of(interval: str, origin: date, day: date) -> int:
    """The number of the last boundary at or before the day."""
    if interval == "weekly":
        return (day - origin).days // 7
    months = (day.year - origin.year) * 12 + day.month - origin.month
    number = months // MONTHS[interval]
    return number - 1 if _boundary_date(interval, origin, number) > day else number


def _boundary_date(interval: str, origin: date, number: int) -> date:
    """Boundary 31 January + 1 month is the last day of February; + 2, 31 March."""
    if interval == "weekly":
        return origin + timedelta(days=7 * number)
    months = origin.year * 12 + origin.month - 1 + number * MONTHS[interval]
    year, month = divmod(months, 12)
    return date(year, month + 1, min(origin.day, monthrange(year, month + 1)[1]))


@lru_cache(maxsize=65_536)
def _boundary(interval: str, origin: date, number: int, zone: ZoneInfo) -> datetime:
    midnight = datetime.combine(_boundary_date(interval, origin, number), time())
    return midnight.replace(tzinfo=zone).astimezone(UTC)
