"""Looking at usage that has changed, and telling which thresholds it has reached.

A threshold is of a period's usage, as its bill will have it, and is told once: the mark
is a row whose key is unique, and the event commits with it. A crash gives the notes
back, and the next look finds the same. In shadow, and of a period that had ended before
the ledger knew the subscription, it is marked and not told: what was reached then is
not told later.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from ledger.billing import Bill
from ledger.db import Connection
from ledger.open_bills import Life, amount_of, billed_period, lives_of, open_bills
from ledger.periods import Period
from ledger.queries import load_queries
from ledger.threshold_event import Reached, tell_reached
from ledger.thresholds import Level, Threshold, levels_reached, read_thresholds
from schemas.messages import plain_number

PAGE: Final = 2_000
"""Notes of one round; busy subscriptions have many, so that fewer bills are made."""

_SENSELESS: Final = (
    ArithmeticError,
    AssertionError,
    LookupError,
    TypeError,
    ValueError,
)
"""Not trouble with the database, which is tried again."""

_SQL = load_queries("threshold_check")


@dataclass
class ThresholdRound:
    """What one round did. ``failures``: subscription and why its usage has no price."""

    looked_at: int = 0
    reached: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class _Asked:
    """A subscription whose period's plan has thresholds; live: it may be told."""

    service_id: int
    live: bool
    external_id: str
    thresholds: tuple[Threshold, ...]


def check_round(conn: Connection, now: datetime) -> ThresholdRound:
    """Look at a page of what has changed.

    Call it in a transaction of its own until it has looked at none. Two at once share
    the work. What cannot be priced is named, and looked at again when it changes.
    """
    done = ThresholdRound()
    watched = conn.execute(_SQL["take_watched"], {"limit": PAGE}).fetchall()
    done.looked_at = len(watched)
    by_start: dict[int, list[datetime]] = defaultdict(list)
    for key, start in sorted(set(watched)):
        by_start[key].append(start)
    while by_start:
        # Bills are made of one period of each subscription at a time.
        starts = {key: starts.pop(0) for key, starts in by_start.items()}
        by_start = defaultdict(list, {k: rest for k, rest in by_start.items() if rest})
        _check_safely(conn, starts, now, done)
    return done


def _check_safely(
    conn: Connection,
    starts: Mapping[int, datetime],
    now: datetime,
    done: ThresholdRound,
) -> None:
    """One whose books make no sense stops no other: then each is looked at alone."""
    try:
        with conn.transaction():
            _check(conn, starts, now, done)
    except _SENSELESS as error:
        if len(starts) > 1:
            for key, start in starts.items():
                _check_safely(conn, {key: start}, now, done)
        else:
            done.failures.append((f"of key {next(iter(starts))}", repr(error)))


def _check(
    conn: Connection,
    starts: Mapping[int, datetime],
    now: datetime,
    done: ThresholdRound,
) -> None:
    asked = _asked(conn, starts, done)
    lives = lives_of(conn, list(asked))
    periods = {
        key: period
        for key in asked
        if (period := billed_period(lives[key].terms, starts[key])) is not None
    }
    reached: list[Reached] = []
    told = _highest(conn, periods)
    for bill in open_bills(conn, periods, lives):
        key = bill.subscription_id
        if bill.failure is not None:
            done.failures.append((bill.subscription, bill.failure))
            continue
        usage = amount_of(bill, bill.currency)
        for level in levels_reached(asked[key].thresholds, usage, told[key]):
            reached.append(_reached(asked[key], lives[key], bill, level, usage))
    fresh = _mark(conn, reached, now)
    for each in fresh:
        tell_reached(conn, each, now)
    done.reached += len(fresh)


def _asked(
    conn: Connection, starts: Mapping[int, datetime], done: ThresholdRound
) -> dict[int, _Asked]:
    rows = conn.execute(
        _SQL["thresholds_of_periods"],
        {"subscription_ids": list(starts), "period_starts": list(starts.values())},
    )
    asked = {}
    for key, service_id, live, name, stored in rows:
        try:
            thresholds = read_thresholds(stored)
        except (ArithmeticError, KeyError, TypeError) as error:
            done.failures.append((name, f"the plan's thresholds are none: {error!r}"))
            continue
        asked[key] = _Asked(service_id, live, name, thresholds)
    return asked


def _highest(
    conn: Connection, periods: Mapping[int, Period]
) -> dict[int, dict[str, Decimal]]:
    rows = conn.execute(
        _SQL["highest_reached"],
        {
            "subscription_ids": list(periods),
            "period_starts": [period.start for period in periods.values()],
        },
    )
    found: dict[int, dict[str, Decimal]] = defaultdict(dict)
    for key, threshold_id, level in rows:
        found[key][threshold_id] = level
    return found


def _reached(
    asked: _Asked, life: Life, bill: Bill, level: Level, usage: Decimal
) -> Reached:
    told = asked.live and bill.period.end > life.created_at
    return Reached(asked.service_id, bill, level, usage, told)


def _mark(conn: Connection, reached: Sequence[Reached], now: datetime) -> list[Reached]:
    """Those that were not marked before."""
    if not reached:
        return []
    values: dict[str, Any] = {
        "subscription_ids": [each.bill.subscription_id for each in reached],
        "period_starts": [each.bill.period.start for each in reached],
        "threshold_ids": [each.level.threshold.id for each in reached],
        "levels": [plain_number(each.level.amount) for each in reached],
        "usage_amounts": [plain_number(each.usage) for each in reached],
        "told": [each.told for each in reached],
        "now": now,
    }
    new = set(conn.execute(_SQL["mark_reached"], values).fetchall())
    return [
        each
        for each in reached
        if (
            each.bill.subscription_id,
            each.level.threshold.id,
            each.level.amount,
        )
        in new
    ]
