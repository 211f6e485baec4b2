"""What a subscription has used in its whole life, in money.

Frozen periods count as they were billed, those that are not frozen yet as they stand
now: a period in grace is among these, so that freezing it changes no sum. What was used
elsewhere before, an app says.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from ledger.billing import Bill
from ledger.db import Connection
from ledger.money import sum_exact
from ledger.one_state import see_one_state
from ledger.open_bills import amount_of, lives_of, open_bills, open_periods
from ledger.queries import load_queries
from ledger.subscribers import SubscriptionUnknown
from ledger.threshold_progress import Progress, threshold_progress
from ledger.unrated import ChargeUnratable

_SQL = load_queries("lifetime_usage")


@dataclass(frozen=True)
class LifetimeUsage:
    """``billed`` and ``current`` are in whole units of the currency of the plan; what
    was billed in another is not among them. ``thresholds`` are of the period that runs:
    what it has used of them."""

    subscription_id: UUID
    external_id: str
    started_at: datetime
    until: datetime
    currency: str
    historical_cents: int
    billed: Decimal
    current: Decimal
    thresholds: tuple[Progress, ...]


def lifetime_usage(
    conn: Connection, service_id: int, external_id: str, now: datetime
) -> LifetimeUsage:
    """Of one subscription; call it first in a transaction.

    Raises SubscriptionUnknown or ChargeUnratable.
    """
    see_one_state(conn)
    names = {"service_id": service_id, "external_id": external_id, "now": now}
    row = conn.execute(_SQL["subscription"], names).fetchone()
    if row is None:
        raise SubscriptionUnknown(external_id)
    key, public_id, name, started_at, historical, currency = row
    in_currency = {"subscription_id": key, "currency": currency}
    billed = conn.execute(_SQL["billed"], in_currency).fetchone()
    assert billed is not None  # noqa: S101 - a sum is a row
    bills = _open_bills(conn, key, now)
    return LifetimeUsage(
        public_id,
        name,
        started_at,
        now,
        currency,
        historical,
        billed[0],
        sum_exact(amount_of(bill, currency) for bill in bills),
        tuple(
            progress
            for bill in bills
            if bill.period.start <= now < bill.period.end
            for progress in threshold_progress(conn, bill)
        ),
    )


def set_historical_usage(
    conn: Connection, service_id: int, external_id: str, cents: int
) -> None:
    """Say what was used elsewhere; the last word counts, and a repeat changes nothing.

    Raises SubscriptionUnknown.
    """
    values = {"service_id": service_id, "external_id": external_id, "cents": cents}
    if conn.execute(_SQL["set_historical_usage"], values).rowcount == 0:
        raise SubscriptionUnknown(external_id)


def _open_bills(conn: Connection, key: int, now: datetime) -> list[Bill]:
    lives = lives_of(conn, [key])
    bills = [
        bill
        for period in open_periods(conn, key, lives[key], now)
        for bill in open_bills(conn, {key: period}, lives)
    ]
    for bill in bills:
        if bill.failure is not None:
            raise ChargeUnratable(bill.failure)
    return bills
