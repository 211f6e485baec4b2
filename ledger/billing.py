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
from ledger.working import (
    AFTER_END,
    BILLED,
    ELSEWHERE,
    line_json,
    prior_from_json,
)
from schemas.messages import plain_number

RATING_ERRORS = (ArithmeticError, KeyError, StopIteration, ValueError)
"""What rating by a charge that makes no sense raises."""

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
    lines: dict[int, list[BillLine]] = defaultdict(list)
    failures: dict[int, str] = {}
    for key, *row in conn.execute(_SQL["usage_lines"], keys):
        try:
            lines[key].append(_usage_line(by_key[key], *row))
        except RATING_ERRORS as error:
            failures[key] = f"metric {row[1]}: the charge cannot be rated: {error!r}"
    for key, *row in conn.execute(_SQL["correction_lines"], keys):
        try:
            lines[key].append(_correction_line(*row))
        except RATING_ERRORS as error:
            failures[key] = f"metric {row[1]}: the charge cannot be rated: {error!r}"
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


def _usage_line(
    bill: Bill,
    metric_id: int,
    metric: str,
    aggregation: str,
    quantity: Decimal,
    counters: int,
    charge_currency: str | None,
    *charge_row: Any,
) -> BillLine:
    charge, currency = read_charge(*charge_row), charge_currency or bill.currency
    due = BILLED if counters else bill.due
    usage = Usage(quantity, counters)
    rating = NOTHING if due == AFTER_END else rate_usage(charge, usage, currency)
    start = bill.period.start
    return BillLine(
        metric_id, metric, aggregation, start, False, charge, currency, rating, due
    )


def _correction_line(
    metric_id: int,
    metric: str,
    aggregation: str,
    usage_start: datetime,
    quantity: Decimal,
    currency: str,
    stored: dict[str, Any] | None,
) -> BillLine:
    prior = prior_from_json(stored, currency)
    usage = Usage(quantity, 0)
    rating = rate_correction(prior.charge, prior.before, usage, prior.currency)
    return BillLine(
        metric_id,
        metric,
        aggregation,
        usage_start,
        True,
        prior.charge,
        prior.currency,
        rating,
    )
