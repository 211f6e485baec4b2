"""Changes of plan that are still to come: a downgrade, at the end of its period."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from ledger.db import Connection
from ledger.local_changes import save_subscription
from ledger.queries import load_queries
from ledger.subscriptions import Subscription
from ledger.told_subscriptions import UPDATED, tell_change

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


def begin_planned(
    conn: Connection, service: tuple[int, str], found: Subscription, now: datetime
) -> Subscription:
    """The subscription, with its next plan if the time of that has come.

    From when it was planned for; not of one that ended before. ``service``: its key and
    code. The caller has the subscription's lock. Safe to repeat.
    """
    begins = found.next_plan_at
    if found.next_plan is None or begins is None or begins > now:
        return found
    end = found.terms.ended_at
    if end is not None and end <= begins:
        forget_change(conn, found.id)
        return replace(found, next_plan=None, next_plan_at=None)
    name, plan = found.external_id, {"plan": found.next_plan}
    save_subscription(conn, service[0], name, plan, now, plan_from=begins)
    forget_change(conn, found.id)
    return tell_change(conn, service[0], name, UPDATED, now)
