"""What an open period comes to at its end, should usage go on as it has so far. Pure.

What adds up grows with the days: a quantity of so many days begun, today included, is
taken for all days of the period. A greatest and a last value stay as they are, since
time alone makes neither greater. The projected quantity is rated by the charge: money
is never scaled, so included units, tiers and minimums count as they will on the bill.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from ledger.money import EXACT, sum_exact
from ledger.periods import Period
from ledger.rating import Rating, Usage, rate_usage
from ledger.unrated import rating_of
from ledger.usage import ChargeUsage, PeriodUsage

PLACES = 6
"""Digits after the point that a projected sum has, unless the sum itself has more."""

_GROWING = {"sum": PLACES, "count": 0, "unique": 0}


@dataclass(frozen=True)
class Pace:
    """So many days of a period have begun, of so many that it has."""

    begun: int
    days: int


@dataclass(frozen=True)
class ProjectedUsage:
    """A period's usage and, charge by charge, what each is projected to."""

    usage: PeriodUsage
    ratings: tuple[Rating, ...]

    @property
    def amount(self) -> Decimal:
        """Projected, with the corrections that the bill has already."""
        so_far = sum_exact(each.rating.amount for each in self.usage.charges)
        projected = sum_exact(rating.amount for rating in self.ratings)
        return EXACT.add(EXACT.subtract(self.usage.amount, so_far), projected)


def project_usage(usage: PeriodUsage, now: datetime) -> ProjectedUsage:
    """The period's charges projected from ``now`` to its end.

    Raises ChargeUnratable.
    """
    pace = pace_of(usage.period, usage.timezone, now)
    ratings = tuple(
        _project_charge(charge, usage.currency, pace) for charge in usage.charges
    )
    return ProjectedUsage(usage, ratings)


def pace_of(period: Period, timezone: str, now: datetime) -> Pace:
    """How far the period is at ``now``, in days of its timezone; over, it is whole."""
    zone = ZoneInfo(timezone)
    first = period.start.astimezone(zone).date()
    last = (period.end - timedelta(microseconds=1)).astimezone(zone).date()
    days = (last - first).days + 1
    begun = (now.astimezone(zone).date() - first).days + 1
    return Pace(min(max(begun, 1), days), days)


def project_quantity(aggregation: str, quantity: Decimal, pace: Pace) -> Decimal:
    """The quantity that the whole period would have; half up, in whole ones of counts.

    No digit that the quantity has is cut off, so what grows never gets smaller.
    """
    if aggregation not in _GROWING or pace.begun == pace.days:
        return quantity
    exponent = quantity.as_tuple().exponent
    assert isinstance(exponent, int)  # noqa: S101 - a rollup's quantity is finite
    places = max(_GROWING[aggregation], -exponent)
    whole = EXACT.divide(EXACT.multiply(quantity, pace.days), pace.begun)
    return whole.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP, context=EXACT)


def _project_charge(usage: ChargeUsage, currency: str, pace: Pace) -> Rating:
    if usage.used is None:
        return usage.rating
    used = _project_used(usage.aggregation, usage.used, pace)
    with rating_of(usage.metric_code):
        return rate_usage(usage.charge, used, currency)


def _project_used(aggregation: str, used: Usage, pace: Pace) -> Usage:
    """Events grow with the days whatever becomes of their values."""
    parts = tuple(
        replace(
            part,
            quantity=project_quantity(aggregation, part.quantity, pace),
            events=_project_events(part.events, pace),
        )
        for part in used.parts
    )
    events = sum(part.events for part in parts)
    return Usage(
        project_quantity(aggregation, used.quantity, pace),
        events if parts else _project_events(used.events, pace),
        parts,
    )


def _project_events(events: int, pace: Pace) -> int:
    return int(project_quantity("count", Decimal(events), pace))
