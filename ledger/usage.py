"""What a subscription has used in one period, as apps may see it: open or frozen."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from ledger.billing import RATING_ERRORS
from ledger.charge import Charge
from ledger.db import Connection
from ledger.periods import Period
from ledger.queries import load_queries
from ledger.rating import Correction, Rating, Usage, rate_correction
from ledger.working import billed_line, line_from_json, prior_from_json

_SQL = load_queries("usage")


class ChargeUnratable(Exception):
    """A charge that makes no sense: what is used under it has no price."""

    def __init__(self, metric: str, why: str) -> None:
        super().__init__(f"the charge for {metric} cannot be rated by: {why}")
        self.metric = metric


@contextmanager
def rating_of(metric: str) -> Iterator[None]:
    """Raises ChargeUnratable, naming the metric, for what rating raises in it."""
    try:
        yield
    except (*RATING_ERRORS, TypeError) as error:
        raise ChargeUnratable(metric, repr(error)) from error


@dataclass(frozen=True)
class ChargeUsage:
    """One charge's usage in the period; ``events`` is how many counters it folds.

    ``charge`` is what it is rated by; ``used`` what is rated, None: it is frozen.
    """

    charge_id: UUID
    model: str
    metric_id: UUID
    metric_code: str
    metric_name: str
    aggregation: str
    events: int
    rating: Rating
    charge: Charge | None = None
    used: Usage | None = None


@dataclass(frozen=True)
class CorrectionUsage:
    """What an earlier, frozen period comes to by now, beside what it was billed at."""

    usage: Period
    metric_id: UUID
    metric_code: str
    metric_name: str
    aggregation: str
    events: int
    currency: str
    rating: Correction


@dataclass(frozen=True)
class PeriodUsage:
    """A period's lines, rated. ``amount`` is the sum of the rounded lines."""

    period: Period
    timezone: str
    currency: str
    charges: tuple[ChargeUsage, ...]
    corrections: tuple[CorrectionUsage, ...]

    @property
    def amount(self) -> Decimal:
        """In whole units of the period's currency, before tax, with its corrections."""
        lines = [usage.rating.amount for usage in self.charges]
        lines += [
            correction.rating.amount
            for correction in self.corrections
            if correction.currency == self.currency
        ]
        return sum(lines, Decimal(0))


def read_corrections(
    conn: Connection, subscription_id: int, period_starts: Sequence[datetime]
) -> dict[datetime, tuple[CorrectionUsage, ...]]:
    """The corrections that are billed in each of these periods, by its start.

    A frozen one is read as it was billed; another is rated now. Raises ChargeUnratable.
    """
    rows = conn.execute(
        _SQL["corrections"],
        {"subscription_id": subscription_id, "period_starts": list(period_starts)},
    )
    found: dict[datetime, list[CorrectionUsage]] = defaultdict(list)
    for period_start, *row in rows:
        found[period_start].append(_correction(*row))
    return {start: tuple(found[start]) for start in period_starts}


def frozen_rating(stored: dict[str, Any]) -> Rating:
    """A charge's line as it was billed; not one of a correction."""
    line = billed_line(stored)
    assert isinstance(line, Rating)  # noqa: S101 - its row is no correction's
    return line


def _correction(
    usage_start: datetime,
    usage_end: datetime,
    metric_id: UUID,
    code: str,
    name: str,
    aggregation: str,
    events: int,
    currency: str,
    frozen: dict[str, Any] | None,
    quantity: Decimal,
    stored: dict[str, Any] | None,
) -> CorrectionUsage:
    prior = prior_from_json(stored, currency)
    if frozen is None:
        usage = Usage(quantity, events)
        with rating_of(code):
            rating = rate_correction(prior.charge, prior.before, usage, prior.currency)
    else:
        line = line_from_json(frozen)
        assert isinstance(line, Correction)  # noqa: S101 - its row is a correction's
        rating = line
    return CorrectionUsage(
        Period(usage_start, usage_end),
        metric_id,
        code,
        name,
        aggregation,
        events,
        prior.currency,
        rating,
    )
