"""What a subscription has used in one period, as apps may see it: open or frozen."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from ledger.charge import Charge
from ledger.db import Connection
from ledger.money import sum_exact
from ledger.parts import Line, read_usages
from ledger.periods import Period
from ledger.queries import load_queries
from ledger.rating import Correction, Rating, Usage, rate_correction
from ledger.unrated import rating_of
from ledger.working import Prior, billed_line, line_from_json, prior_from_json

_SQL = load_queries("usage")


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
        return sum_exact(lines)


def read_corrections(
    conn: Connection, subscription_id: int, period_starts: Sequence[datetime]
) -> dict[datetime, tuple[CorrectionUsage, ...]]:
    """The corrections that are billed in each of these periods, by its start.

    A frozen one is read as it was billed; another is rated now. Raises ChargeUnratable.
    """
    rows = conn.execute(
        _SQL["corrections"],
        {"subscription_id": subscription_id, "period_starts": list(period_starts)},
    ).fetchall()
    drafts = [_read_draft(subscription_id, *row) for row in rows]
    usages = read_usages(conn, [draft.line for draft in drafts])
    found: dict[datetime, list[CorrectionUsage]] = defaultdict(list)
    for draft, usage in zip(drafts, usages, strict=True):
        found[draft.line.period_start].append(_correction(draft, usage))
    return {start: tuple(found[start]) for start in period_starts}


def frozen_rating(stored: dict[str, Any]) -> Rating:
    """A charge's line as it was billed; not one of a correction."""
    line = billed_line(stored)
    assert isinstance(line, Rating)  # noqa: S101 - its row is no correction's
    return line


@dataclass(frozen=True)
class _Draft:
    """A correction to be rated, unless it was: ``frozen``."""

    line: Line
    usage_end: datetime
    metric_id: UUID
    code: str
    name: str
    frozen: dict[str, Any] | None
    prior: Prior


def _read_draft(
    subscription_id: int,
    period_start: datetime,
    usage_start: datetime,
    usage_end: datetime,
    metric_key: int,
    metric_id: UUID,
    code: str,
    name: str,
    aggregation: str,
    events: int,
    currency: str,
    frozen: dict[str, Any] | None,
    quantity: Decimal,
    stored: dict[str, Any] | None,
) -> _Draft:
    with rating_of(code):
        prior = prior_from_json(stored, currency)
    charge = prior.charge if frozen is None else None
    key = (subscription_id, metric_key, period_start, usage_start)
    line = Line(*key, aggregation, quantity, events, charge)
    return _Draft(line, usage_end, metric_id, code, name, frozen, prior)


def _correction(draft: _Draft, usage: Usage) -> CorrectionUsage:
    line, prior = draft.line, draft.prior
    with rating_of(draft.code):
        if draft.frozen is None:
            rating = rate_correction(prior.charge, prior.before, usage, prior.currency)
        else:
            stored = line_from_json(draft.frozen)
            assert isinstance(stored, Correction)  # noqa: S101 - its row is one's
            rating = stored
    return CorrectionUsage(
        Period(line.usage_start, draft.usage_end),
        draft.metric_id,
        draft.code,
        draft.name,
        line.aggregation,
        line.counters,
        prior.currency,
        rating,
    )
