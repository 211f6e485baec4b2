"""Changes of plan that are still to come: a downgrade, at the end of its period."""

from datetime import datetime
from decimal import Decimal
from typing import Final

from ledger.db import Connection
from ledger.queries import load_queries

PER_YEAR: Final = {
    "weekly": 52,
    "monthly": 12,
    "quarterly": 4,
    "semiannual": 2,
    "yearly": 1,
}

_SQL = load_queries("plan_changes")


def yearly_price(price: Decimal, interval: str) -> Decimal:
    """What a plan costs in a year, by which one is more than another."""
    return price * PER_YEAR[interval]


def plan_change(
    conn: Connection, subscription_id: int, plan: str, at: datetime, now: datetime
) -> None:
    """Have the subscription's plan changed then; takes the place of an earlier wish."""
    values = {"subscription_id": subscription_id, "plan": plan, "at": at, "now": now}
    conn.execute(_SQL["plan_change"], values)


def forget_change(conn: Connection, subscription_id: int) -> bool:
    """Leave the plan as it is; answers whether a change was planned."""
    key = {"subscription_id": subscription_id}
    return conn.execute(_SQL["forget_change"], key).rowcount > 0
