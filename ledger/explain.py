"""A subscription's bills, from their lines back to counters and receipts.

What is frozen is shown as it was billed; an open period is rated as its freeze would,
by the same functions.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ledger.billing import Bill, bills_of, due_of
from ledger.charge import ZERO
from ledger.charge_json import charge_from_json
from ledger.db import Connection
from ledger.explained import (
    ExplainedBill,
    ExplainedLine,
    Invoicing,
    RatingUnreadable,
    Subject,
    SubscriptionAmbiguous,
    SubscriptionUnknown,
    TracedCounter,
)
from ledger.outcomes import OUTCOMES
from ledger.periods import Period, Terms, first_open_period, period_at
from ledger.queries import load_queries
from ledger.terms import read_terms
from ledger.unrated import RATING_ERRORS
from ledger.verify_page import Days
from ledger.working import billed_line

PAGE = 1_000

_SQL = load_queries("explain")
_FREEZING = load_queries("freezing")


def find_subject(conn: Connection, subscription: str, service: str | None) -> Subject:
    """By its external id. Raises SubscriptionUnknown or SubscriptionAmbiguous."""
    rows = conn.execute(
        _SQL["subjects"], {"subscription": subscription, "service": service}
    ).fetchall()
    if not rows:
        raise SubscriptionUnknown(subscription)
    if len(rows) > 1:
        raise SubscriptionAmbiguous([row[1] for row in rows])
    key, code, external_id, customer, name, created_at, *terms = rows[0]
    return Subject(
        key, code, external_id, customer, name, created_at, read_terms(*terms)
    )


def explain_bills(
    conn: Connection, subject: Subject, days: Days, now: datetime
) -> Iterator[ExplainedBill]:
    """The bills of the periods that have any part in these days, in their order.

    A period that is still to come is left out, unless it has usage. Raises
    RatingUnreadable.
    """
    frozen = conn.execute(
        _SQL["frozen_bills"],
        {
            "subscription_id": subject.id,
            "timezone": subject.terms.timezone,
            "first_day": days.first,
            "day_after": days.after,
        },
    ).fetchall()
    for start, end, plan, currency, frozen_at, seal, archived_at, file, *bill in frozen:
        rows = _rollups(conn, subject, start)
        lines = _in_order(_frozen_line(start, *row) for row in rows)
        yield ExplainedBill(
            Period(start, end),
            plan,
            currency,
            lines,
            frozen_at=frozen_at,
            seal=seal,
            archived_at=archived_at,
            file_name=file,
            invoicing=None if bill[0] is None else Invoicing(*bill),
        )
    for period in _open_periods(conn, subject, days, now):
        yield _open_bill(conn, subject, period)


def line_counters(
    conn: Connection, subject: Subject, bill: ExplainedBill, line: ExplainedLine
) -> Iterator[TracedCounter]:
    """The counters that came into a line or left it there, a page at a time.

    Needs a transaction. Archived ones are in their file; what was taken back is here.
    """
    with closing(conn.cursor(name="line_counters")) as cursor:
        cursor.itersize = PAGE
        cursor.execute(
            _SQL["line_counters"],
            {
                "subscription_id": subject.id,
                "metric_id": line.metric_id,
                "period_start": bill.period.start,
                "usage_start": line.usage_start,
            },
        )
        for row in cursor:
            values = list(row)
            values[7] = OUTCOMES.get(values[7])
            yield TracedCounter(*values)


def _rollups(
    conn: Connection, subject: Subject, start: datetime
) -> list[tuple[Any, ...]]:
    key = {"subscription_id": subject.id, "period_start": start}
    return conn.execute(_SQL["rollups"], key).fetchall()


def _in_order(lines: Iterable[ExplainedLine]) -> tuple[ExplainedLine, ...]:
    """By metric: what the period itself comes to, then what it corrects."""
    return tuple(
        sorted(lines, key=lambda x: (x.metric, x.usage is not None, x.usage_start))
    )


def _frozen_line(
    period_start: datetime,
    metric_id: int,
    metric: str,
    aggregation: str,
    usage_start: datetime,
    usage_end: datetime,
    quantity: Decimal,
    base: Decimal,
    counters: int,
    rating: dict[str, Any],
) -> ExplainedLine:
    try:
        charge, currency = charge_from_json(rating["charge"]), rating["currency"]
        rated = billed_line(rating)
    except RATING_ERRORS as error:
        raise RatingUnreadable(metric) from error
    return ExplainedLine(
        metric_id,
        metric,
        aggregation,
        usage_start,
        None if usage_start == period_start else Period(usage_start, usage_end),
        quantity,
        base,
        counters,
        charge,
        currency,
        rated,
    )


def _open_periods(
    conn: Connection, subject: Subject, days: Days, now: datetime
) -> Iterator[Period]:
    row = conn.execute(_SQL["last_usage"], {"subscription_id": subject.id}).fetchone()
    last_usage = row[0] if row else None
    until = now if last_usage is None else max(now, last_usage)
    terms = subject.terms
    first, after = (_midnight(day, terms) for day in (days.first, days.after))
    period: Period | None = first_open_period(terms)
    # After the subscription's end a period is there for corrections alone.
    if terms.ended_at and period and period.start >= terms.ended_at:
        until = last_usage or terms.started_at
    while period is not None and period.start < after and period.start <= until:
        if period.end > first:
            yield period
        period = period_at(terms, period.end)


def _midnight(day: date, terms: Terms) -> datetime:
    zone = ZoneInfo(terms.timezone)
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _open_bill(conn: Connection, subject: Subject, period: Period) -> ExplainedBill:
    row = conn.execute(
        _FREEZING["plans_of_periods"],
        {
            "subscription_ids": [subject.id],
            "period_starts": [period.start],
            "period_ends": [period.end],
        },
    ).fetchone()
    assert row is not None  # noqa: S101 - a subscription has a plan at any time
    _, name, plan_id, plan, currency, grace_hours, _ = row
    due = due_of(subject.terms, period, subject.created_at)
    (bill,) = bills_of(
        conn, [Bill(subject.id, name, period, plan_id, plan, currency, due)]
    )
    stored = {
        (metric_id, usage_start): (usage_end, quantity, base, counters)
        for metric_id, _, _, usage_start, usage_end, quantity, base, counters, _ in (
            _rollups(conn, subject, period.start)
        )
    }
    lines = []
    for line in bill.lines:
        usage_end, quantity, base, counters = stored.get(
            (line.metric_id, line.usage_start), (None, ZERO, ZERO, 0)
        )
        lines.append(
            ExplainedLine(
                line.metric_id,
                line.metric,
                line.aggregation,
                line.usage_start,
                Period(line.usage_start, usage_end) if line.is_correction else None,
                quantity,
                base,
                counters,
                line.charge,
                line.currency,
                line.rating,
            )
        )
    return ExplainedBill(
        period,
        plan,
        currency,
        _in_order(lines),
        failure=bill.failure,
        grace_until=period.end + timedelta(hours=grace_hours),
    )
