"""Which frozen periods Odoo is to put on invoices: claiming them, noting what became.

A customer's subscriptions of one service and period go on one invoice, so they are
claimed together: once every frozen rollup of theirs is at Odoo at its revision, and no
other subscription of the customer has the same period open or in its grace. What
waits is looked at again and says why: it never goes on without the rest, since a
person may post the invoice before the rest comes.

The customer is the one that the subscription has when it is claimed, not when it
froze: Odoo bills whom the order belongs to by then. While the ledger has not heard of
a change, Odoo refuses the call, which names the subscriptions, and it is tried again.

Usage frozen in shadow is never due, whatever the mode becomes: who billed before the
switch has billed that period. The first period that is frozen live is the first that
is charged.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from ledger.db import Connection
from ledger.locks import CLOSE_LOCK
from ledger.money import EXACT
from ledger.periods import Period, Terms, first_open_period, period_at
from ledger.queries import load_queries
from ledger.terms import read_terms

DUE_ROWS = 1_000
"""Due bills that one claim looks at; all that belong with them come along."""
SHORTEST_WAIT = timedelta(seconds=10)
LONGEST_PUSH_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=15)
REPORTED_WAIT = timedelta(days=1)

_SQL = load_queries("closing")


@dataclass(frozen=True)
class BillClaim:
    """A customer's bill of a period, for one invoice.

    ``subscriptions``: key and external id of each; ``plans``: the plan that each was
    billed by. ``rollups`` is how many rows they
    have of the period, ``amount`` what those come to, before tax. ``attempts``: how
    often Odoo has refused it.
    """

    service_id: int
    service: str
    customer: str
    period: Period
    subscriptions: tuple[tuple[int, str], ...]
    plans: tuple[str, ...]
    rollups: int
    amount: Decimal
    attempts: int


@dataclass(frozen=True)
class WaitingBill:
    """A bill that waits: for whom, why, and since when."""

    service: str
    customer: str
    period: Period
    reason: str
    since: datetime


@dataclass(frozen=True)
class BillRound:
    """What one look found; ``waiting``: those that have waited for a day and more."""

    looked_at: int = 0
    claims: list[BillClaim] = field(default_factory=list)
    waiting: list[WaitingBill] = field(default_factory=list)


@dataclass(frozen=True)
class _Group:
    service_id: int
    customer_id: int
    period: Period


@dataclass(frozen=True)
class _Bill:
    subscription_id: int
    service: str
    customer: str
    subscription: str
    plan: str
    attempts: int
    lease_until: datetime | None
    waits_since: datetime
    rollups: int
    amount: Decimal
    unpushed: int
    push_error: str | None


def claim_bills(
    conn: Connection, limit: int, now: datetime, lease_until: datetime
) -> BillRound:
    """Lease up to ``limit`` customers' bills; the others that are due say what for.

    Call it in a transaction, and again until it has looked at none. While another
    claims, it finds none. A claim that nobody marks is claimed again after its lease:
    the call that it was for may run twice.
    """
    turn = conn.execute(_SQL["take_turn"], {"lock_space": CLOSE_LOCK}).fetchone()
    if turn is None or not turn[0]:
        return BillRound()
    conn.execute(_SQL["wake_refused"], {"now": now})
    rows = conn.execute(
        _SQL["due_groups"], {"now": now, "rows": DUE_ROWS, "groups": limit}
    )
    groups = [
        _Group(service_id, customer_id, Period(start, end))
        for service_id, customer_id, start, end in rows
    ]
    done = BillRound(looked_at=len(groups))
    if not groups:
        return done
    siblings = _read_siblings(conn, groups)
    held: list[tuple[int, datetime, str | None, datetime]] = []
    for number, bills in _read_bills(conn, groups):
        group = groups[number]
        leases = [b.lease_until for b in bills if b.lease_until and b.lease_until > now]
        waits = _reason_to_wait(group, bills, siblings[number], now)
        if leases:
            waits = "another call bills it", max(leases)
        if waits is None:
            done.claims.append(_claim(group, bills))
            continue
        reason, again = waits
        held += [(b.subscription_id, group.period.start, reason, again) for b in bills]
        since = min(bill.waits_since for bill in bills)
        if not leases and now - since >= REPORTED_WAIT:
            first = bills[0]
            done.waiting.append(
                WaitingBill(first.service, first.customer, group.period, reason, since)
            )
    _hold(conn, held, now)
    keys = bill_keys(done.claims)
    conn.execute(_SQL["lease_bills"], {**keys, "lease_until": lease_until})
    return done


def bill_keys(claims: Sequence[BillClaim]) -> dict[str, list[Any]]:
    """The keys of all their rows, as columns."""
    pairs = [
        (key, claim.period.start) for claim in claims for key, _ in claim.subscriptions
    ]
    return {
        "subscription_ids": [key for key, _ in pairs],
        "period_starts": [start for _, start in pairs],
    }


def _reason_to_wait(
    group: _Group,
    bills: Sequence[_Bill],
    siblings: Sequence[tuple[str, Terms]],
    now: datetime,
) -> tuple[str, datetime] | None:
    """Why the group cannot be billed yet, and when to look again; None: it can."""
    waited = (now - min(bill.waits_since for bill in bills)) / 10
    for bill in bills:
        if bill.unpushed:
            rows = f"{bill.unpushed} of {bill.subscription}'s rows are not at Odoo yet"
            why = f": {bill.push_error}" if bill.push_error else ""
            wait = min(max(waited, SHORTEST_WAIT), LONGEST_PUSH_WAIT)
            return f"{rows}{why}", now + wait
    for name, terms in siblings:
        if _has_before_it(terms, group.period):
            wait = min(max(waited, SHORTEST_WAIT), LONGEST_WAIT)
            return f"{name} has the same period, which is not frozen yet", now + wait
    return None


def _has_before_it(terms: Terms, period: Period) -> bool:
    """Whether one of the subscription's periods to be frozen is this one."""
    first = first_open_period(terms)
    if first.start >= period.start:
        return first == period
    return period_at(terms, period.start) == period


def _claim(group: _Group, bills: Sequence[_Bill]) -> BillClaim:
    amount = Decimal(0)
    for bill in bills:
        amount = EXACT.add(amount, bill.amount)
    return BillClaim(
        group.service_id,
        bills[0].service,
        bills[0].customer,
        group.period,
        tuple((bill.subscription_id, bill.subscription) for bill in bills),
        tuple(bill.plan for bill in bills),
        sum(bill.rollups for bill in bills),
        amount,
        max(bill.attempts for bill in bills),
    )


def _columns(groups: Sequence[_Group]) -> dict[str, list[Any]]:
    return {
        "customer_ids": [group.customer_id for group in groups],
        "period_starts": [group.period.start for group in groups],
        "period_ends": [group.period.end for group in groups],
    }


def _read_bills(
    conn: Connection, groups: Sequence[_Group]
) -> list[tuple[int, list[_Bill]]]:
    rows = conn.execute(_SQL["group_bills"], _columns(groups)).fetchall()
    return [
        (number - 1, [_Bill(*row[1:]) for row in of_group])
        for number, of_group in groupby(rows, key=lambda row: row[0])
    ]


def _read_siblings(
    conn: Connection, groups: Sequence[_Group]
) -> dict[int, list[tuple[str, Terms]]]:
    found: dict[int, list[tuple[str, Terms]]] = defaultdict(list)
    for number, name, *terms in conn.execute(
        _SQL["unfrozen_siblings"], _columns(groups)
    ):
        found[number - 1].append((name, read_terms(*terms)))
    return found


def _hold(conn: Connection, held: Sequence[tuple[Any, ...]], now: datetime) -> None:
    names = ("subscription_ids", "period_starts", "reasons", "due_at")
    columns = [[row[place] for row in held] for place in range(len(names))]
    values = {**dict(zip(names, columns, strict=True)), "now": now}
    conn.execute(_SQL["set_waiting"], values)
