"""The bill of one period of one subscription: a line per charge and per correction."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from ledger.charge import ZERO, Charge
from ledger.charge_json import read_charge
from ledger.db import Connection
from ledger.parts import Line, read_usages
from ledger.periods import Period, Terms
from ledger.queries import load_queries
from ledger.rating import (
    NOTHING,
    Correction,
    Rating,
    Usage,
    rate_correction,
    rate_usage,
)
from ledger.unrated import RATING_ERRORS
from ledger.working import (
    AFTER_END,
    BILLED,
    ELSEWHERE,
    line_json,
    prior_from_json,
)
from schemas.messages import plain_number

_SQL = load_queries("freezing")


@dataclass(frozen=True)
class BillLine:
    """A rated line; ``usage_start`` begins the period in which the usage was."""

    metric_id: int
    metric: str
    aggregation: str
    usage_start: datetime
    is_correction: bool
    charge: Charge | None
    currency: str
    rating: Rating | Correction
    due: str = BILLED

    @property
    def amount(self) -> Decimal:
        """What is billed: nothing, where it is not due here."""
        return self.rating.amount if self.due == BILLED else ZERO


@dataclass(frozen=True)
class Bill:
    """What a period comes to. ``failure``: why it cannot be rated; then without lines.

    ``due`` is of charges without usage. BILLED: what none costs, such as a minimum.
    ELSEWHERE: nothing, and late usage costs what it adds to none. AFTER_END: nothing,
    and should the subscription go on, usage costs all that it comes to.
    """

    subscription_id: int
    subscription: str
    period: Period
    plan_id: int
    plan: str
    currency: str
    due: str
    lines: tuple[BillLine, ...] = ()
    failure: str | None = None


@dataclass(frozen=True)
class _Draft:
    """A line to be rated; ``before``: what a correction's usage was billed at last."""

    line: Line
    metric: str
    currency: str
    due: str
    before: Rating | None


def due_of(terms: Terms, period: Period, created_at: datetime) -> str:
    """Whether a period's charges without usage are due; of what ``due`` is in a Bill.

    ``created_at``: when the ledger came to know the subscription.
    """
    if terms.ended_at is not None and period.start >= terms.ended_at:
        return AFTER_END
    return BILLED if period.end > created_at else ELSEWHERE


def bills_of(conn: Connection, bills: Sequence[Bill]) -> list[Bill]:
    """These bills with their lines, rated; one that cannot be has a failure instead."""
    if not bills:
        return []
    keys = _keys(bills)
    by_key = {bill.subscription_id: bill for bill in bills}
    drafts: list[_Draft] = []
    failures: dict[int, str] = {}
    for name, read in (
        ("usage_lines", _usage_draft),
        ("correction_lines", _correction_draft),
    ):
        for key, *row in conn.execute(_SQL[name], keys):
            try:
                drafts.append(read(by_key[key], *row))
            except RATING_ERRORS as error:
                failures[key] = _failure(row[1], error)
    lines: dict[int, list[BillLine]] = defaultdict(list)
    usages = read_usages(conn, [draft.line for draft in drafts])
    for draft, usage in zip(drafts, usages, strict=True):
        key = draft.line.subscription_id
        try:
            lines[key].append(_rate(draft, usage))
        except RATING_ERRORS as error:
            failures[key] = _failure(draft.metric, error)
    return [
        replace(bill, failure=failures[key])
        if (key := bill.subscription_id) in failures
        else replace(bill, lines=tuple(lines[key]))
        for bill in bills
    ]


def write_bills(conn: Connection, bills: Sequence[Bill], now: datetime) -> None:
    """Freeze the periods of these bills, each with its lines' amounts and working.

    Each is then due at Odoo, unless its service is in shadow: see ledger.closing.
    """
    lines = [(bill, line) for bill in bills for line in bill.lines]
    conn.execute(
        _SQL["freeze_rollups"],
        {
            "subscription_ids": [bill.subscription_id for bill, _ in lines],
            "metric_ids": [line.metric_id for _, line in lines],
            "period_starts": [bill.period.start for bill, _ in lines],
            "usage_starts": [line.usage_start for _, line in lines],
            "period_ends": [bill.period.end for bill, _ in lines],
            "aggregations": [line.aggregation for _, line in lines],
            "amounts": [plain_number(line.amount) for _, line in lines],
            "ratings": [
                json.dumps(line_json(line.charge, line.currency, line.rating, line.due))
                for _, line in lines
            ],
            "now": now,
        },
    )
    keys = _keys(bills)
    currencies = [bill.currency for bill in bills]
    conn.execute(_SQL["freeze_periods"], {**keys, "currencies": currencies, "now": now})
    conn.execute(_SQL["make_period_bills"], {**keys, "now": now})
    conn.execute(_SQL["move_frozen_until"], keys)


def _keys(bills: Iterable[Bill]) -> dict[str, list[Any]]:
    bills = list(bills)
    return {
        "subscription_ids": [bill.subscription_id for bill in bills],
        "period_starts": [bill.period.start for bill in bills],
        "period_ends": [bill.period.end for bill in bills],
        "plan_ids": [bill.plan_id for bill in bills],
    }


def _usage_draft(
    bill: Bill,
    metric_id: int,
    metric: str,
    aggregation: str,
    quantity: Decimal,
    counters: int,
    charge_currency: str | None,
    *charge_row: Any,
) -> _Draft:
    start = bill.period.start
    charge = read_charge(*charge_row)
    key = (bill.subscription_id, metric_id, start, start)
    line = Line(*key, aggregation, quantity, counters, charge)
    due = BILLED if counters else bill.due
    return _Draft(line, metric, charge_currency or bill.currency, due, None)


def _correction_draft(
    bill: Bill,
    metric_id: int,
    metric: str,
    aggregation: str,
    usage_start: datetime,
    quantity: Decimal,
    counters: int,
    currency: str,
    stored: dict[str, Any] | None,
) -> _Draft:
    prior = prior_from_json(stored, currency)
    key = (bill.subscription_id, metric_id, bill.period.start, usage_start)
    line = Line(*key, aggregation, quantity, counters, prior.charge)
    return _Draft(line, metric, prior.currency, BILLED, prior.before)


def _rate(draft: _Draft, usage: Usage) -> BillLine:
    line, before = draft.line, draft.before
    rating: Rating | Correction = NOTHING
    if before is not None:
        rating = rate_correction(line.charge, before, usage, draft.currency)
    elif draft.due != AFTER_END:
        rating = rate_usage(line.charge, usage, draft.currency)
    return BillLine(
        line.metric_id,
        draft.metric,
        line.aggregation,
        line.usage_start,
        before is not None,
        line.charge,
        draft.currency,
        rating,
        draft.due,
    )


def _failure(metric: str, error: Exception) -> str:
    return f"metric {metric}: the charge cannot be rated: {error!r}"
