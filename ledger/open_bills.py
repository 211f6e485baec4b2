"""What periods that are not frozen come to as of now, as their bills will have it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ledger.billing import Bill, bills_of, due_of
from ledger.db import Connection
from ledger.money import sum_exact
from ledger.periods import Period, Terms, first_open_period, period_at
from ledger.queries import load_queries
from ledger.terms import read_terms

_SQL = load_queries("open_bills")


@dataclass(frozen=True)
class Life:
    """A subscription's terms, and when the ledger came to know it."""

    created_at: datetime
    terms: Terms


def lives_of(conn: Connection, subscription_ids: Sequence[int]) -> dict[int, Life]:
    """Of each subscription, by its key."""
    rows = conn.execute(_SQL["terms"], {"subscription_ids": list(subscription_ids)})
    return {key: Life(created, read_terms(*row)) for key, created, *row in rows}


def open_bills(
    conn: Connection, periods: Mapping[int, Period], lives: Mapping[int, Life]
) -> list[Bill]:
    """The bill of one period of each subscription; what cannot be rated has a failure.

    Nothing is locked or changed.
    """
    if not periods:
        return []
    keys = list(periods)
    rows = conn.execute(
        _SQL["plans_of_periods"],
        {
            "subscription_ids": keys,
            "period_starts": [periods[key].start for key in keys],
            "period_ends": [periods[key].end for key in keys],
        },
    )
    bills = []
    for key, name, plan_id, plan, currency in rows:
        due = due_of(lives[key].terms, periods[key], lives[key].created_at)
        bills.append(Bill(key, name, periods[key], plan_id, plan, currency, due))
    return bills_of(conn, bills)


def billed_period(terms: Terms, start: datetime) -> Period | None:
    """The period that begins then, or what follows the end for corrections; None: the
    subscription has no such period any more."""
    found = (period_at(terms, start), first_open_period(terms))
    return next((each for each in found if each and each.start == start), None)


def amount_of(bill: Bill, currency: str) -> Decimal:
    """The sum of the bill's lines in this currency, corrections included."""
    return sum_exact(line.amount for line in bill.lines if line.currency == currency)


def open_periods(
    conn: Connection, subscription_id: int, life: Life, now: datetime
) -> list[Period]:
    """The subscription's periods until ``now`` that are not frozen yet, in order.

    What ended before the ledger knew the subscription is one if it has usage here. A
    later one is if it has usage already.
    """
    rows = conn.execute(_SQL["open_usage"], {"subscription_id": subscription_id})
    used = [row[0] for row in rows]
    until = max([now, *used])
    return [
        period
        for period in _walk(life.terms, until)
        if period.start in used
        or (period.start <= now and period.end > life.created_at)
    ]


def _walk(terms: Terms, until: datetime) -> Iterator[Period]:
    period: Period | None = first_open_period(terms)
    while period is not None and period.start <= until:
        yield period
        period = period_at(terms, period.end)
