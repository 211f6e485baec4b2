"""Slow, obvious models of the rules, to hold the real ones against."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from itertools import pairwise
from zoneinfo import ZoneInfo

from ledger.periods import Period, Terms
from schemas.messages import Counter

MONTHS = {"monthly": 1, "quarterly": 3, "semiannual": 6, "yearly": 12}


def is_boundary(terms: Terms, first_day: date, day: date) -> bool:
    """Whether a period may begin on this day, told from the calendar alone."""
    if terms.interval == "weekly":
        weekday = 0 if terms.anchor == "calendar" else first_day.weekday()
        return day.weekday() == weekday
    months = MONTHS[terms.interval]
    if terms.anchor == "calendar":
        return day.day == 1 and (day.month - 1) % months == 0
    elapsed = (day.year - first_day.year) * 12 + day.month - first_day.month
    last_of_month = (day + timedelta(days=1)).month != day.month
    wanted = first_day.day
    return elapsed % months == 0 and (
        day.day == wanted or (last_of_month and day.day < wanted)
    )


def periods_by_day(terms: Terms, days: int) -> list[Period]:
    """The first periods, found by walking over ``days`` days one by one.

    Another plan and the end of what is frozen cut the period that they fall in; a day
    is a boundary or not by the plan of its midnight.
    """
    zone = ZoneInfo(terms.timezone)
    first_day = terms.started_at.astimezone(zone).date()
    starts = {terms.started_at}
    for number in range(1, days):
        day = first_day + timedelta(days=number)
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        interval = terms.interval
        for change in terms.changes:
            if change.at <= midnight:
                interval = change.interval
        if is_boundary(replace(terms, interval=interval), first_day, day):
            starts.add(midnight)
    cuts = {change.at for change in terms.changes}
    cuts |= set() if terms.frozen_until is None else {terms.frozen_until}
    starts |= {cut for cut in cuts if cut > terms.started_at}
    return [Period(a, b) for a, b in pairwise(sorted(starts))]


def fold(counters: Iterable[Counter], aggregation: str) -> Decimal:
    """What one period of one metric comes to; the first of an identity counts."""
    firsts: dict[str, Counter] = {}
    for counter in counters:
        firsts.setdefault(counter.transaction_id, counter)
    kept = list(firsts.values())
    if aggregation == "count":
        return Decimal(len(kept))
    if aggregation == "unique":
        members: set[str] = set()
        for counter in sorted(kept, key=lambda c: (c.timestamp_us, c.transaction_id)):
            named = set(counter.members or [counter.value or ""])
            members = members - named if removes(counter) else members | named
        return Decimal(len(members))
    values = [Decimal(c.value or "0") for c in kept]
    if aggregation == "sum":
        total = Decimal(0)
        with localcontext(prec=200):
            for value in values:
                total += value
        return total
    if aggregation == "max":
        return max(values)
    latest = max(kept, key=lambda c: (c.timestamp_us, c.transaction_id))
    return Decimal(latest.value or "0")


def removes(counter: Counter) -> bool:
    """Whether it takes its members back."""
    told = json.loads(counter.properties or "{}")
    return bool(told.get("operation_type") == "remove")
