"""The end of a period's life: rated for good, and never changed again (P8).

A period is open until it ends, then in grace for its plan's hours, then frozen.
Freezing and folding exclude each other by the service's advisory lock: a fold that ran
before is in the bill, one that comes after finds the period frozen and makes a
correction.

Each round freezes at most one period of a subscription, in the order of its periods,
and is one transaction; repeated, it finds what is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ledger.billing import Bill, BillLine, bills_of, due_of, write_bills
from ledger.db import Connection
from ledger.outbox import enqueue_event
from ledger.periods import Period, Terms, first_open_period
from ledger.queries import load_queries
from ledger.rerating import exclude_folds
from ledger.terms import read_terms
from ledger.working import AFTER_END
from schemas.messages import plain_number

PAGE = 200
RETRY = timedelta(hours=1)

_SQL = load_queries("freezing")


@dataclass
class FreezeRound:
    """What one round did. ``failures``: subscription and what its charge lacks."""

    looked_at: int = 0
    frozen: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Candidate:
    subscription_id: int
    created_at: datetime
    terms: Terms
    period: Period


def services_with_due(conn: Connection, now: datetime) -> list[int]:
    """The services that have subscriptions to look at."""
    return [row[0] for row in conn.execute(_SQL["services_with_due"], {"now": now})]


def freeze_round(conn: Connection, service_id: int, now: datetime) -> FreezeRound:
    """Freeze the next period of a page of subscriptions, where its grace is over.

    Call it in a transaction of its own until it has looked at none. A subscription
    whose charge cannot be rated is left for an hour and named; it stops no other.
    """
    exclude_folds(conn, service_id)
    candidates = _candidates(conn, service_id, now)
    done = FreezeRound(looked_at=len(candidates))
    if not candidates:
        return done
    due, later = _due_bills(conn, candidates, now)
    bills = []
    for bill in bills_of(conn, due):
        if bill.failure is None:
            bills.append(bill)
        else:
            done.failures.append((bill.subscription, bill.failure))
            later[bill.subscription_id] = now + RETRY
    if later:
        conn.execute(
            _SQL["set_due"],
            {"subscription_ids": list(later), "due_at": list(later.values())},
        )
    if bills:
        write_bills(conn, bills, now)
        for bill in bills:
            _announce(conn, service_id, bill, now)
    done.frozen = len(bills)
    return done


def _candidates(conn: Connection, service_id: int, now: datetime) -> list[_Candidate]:
    rows = conn.execute(
        _SQL["due_subscriptions"],
        {"service_id": service_id, "now": now, "limit": PAGE},
    )
    found = []
    for key, created_at, *row in rows.fetchall():
        terms = read_terms(*row)
        found.append(_Candidate(key, created_at, terms, first_open_period(terms)))
    return found


def _due_bills(
    conn: Connection, candidates: Sequence[_Candidate], now: datetime
) -> tuple[list[Bill], dict[int, datetime | None]]:
    """Those to freeze, as bills without lines; and when to look at the others again."""
    by_key = {each.subscription_id: each for each in candidates}
    rows = conn.execute(
        _SQL["plans_of_periods"],
        {
            "subscription_ids": list(by_key),
            "period_starts": [each.period.start for each in candidates],
            "period_ends": [each.period.end for each in candidates],
        },
    )
    due: list[Bill] = []
    later: dict[int, datetime | None] = {}
    for key, name, plan_id, plan, currency, grace_hours, corrected in rows:
        candidate = by_key[key]
        period, terms = candidate.period, candidate.terms
        over = due_of(terms, period, candidate.created_at) == AFTER_END
        due_at = period.end + timedelta(hours=grace_hours)
        if over and not corrected:
            later[key] = None
        elif due_at > now:
            later[key] = due_at
        else:
            kind = due_of(terms, period, candidate.created_at)
            due.append(Bill(key, name, period, plan_id, plan, currency, kind))
    return due, later


def _announce(conn: Connection, service_id: int, bill: Bill, now: datetime) -> None:
    data = {
        "external_subscription_id": bill.subscription,
        "plan_code": bill.plan,
        "period_start": _instant(bill.period.start),
        "period_end": _instant(bill.period.end),
        "currency": bill.currency,
        "lines": [_line_data(line) for line in bill.lines],
    }
    enqueue_event(conn, service_id, "usage.period_closed", data, now)


def _line_data(line: BillLine) -> dict[str, str | None]:
    return {
        "code": line.metric,
        "units": plain_number(line.rating.units),
        "included": plain_number(line.rating.included),
        "overage": plain_number(line.rating.overage),
        "amount": plain_number(line.amount),
        "currency": line.currency,
        "correction_of": _instant(line.usage_start) if line.is_correction else None,
    }


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()[:-6] + "Z"
