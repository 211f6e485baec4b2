"""Checking a page of subscriptions: rollups, bills and seals, from the counters."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from ledger.chain import check_chain
from ledger.db import Connection
from ledger.queries import load_queries
from ledger.verify_bills import wrong_bills

_SQL = load_queries("verify")


@dataclass(frozen=True)
class Mismatch:
    """One thing that is not as it should be: of what kind, where, and what is wrong."""

    kind: str
    where: str
    problem: str


@dataclass(frozen=True)
class Days:
    """Which periods to prove: those with a part in [first, after) of their timezone."""

    first: date
    after: date


def check_page(
    conn: Connection, names: Mapping[int, str], days: Days | None
) -> Iterator[Mismatch]:
    """What is wrong with these subscriptions (key to external id).

    Sorts and counts spill to the database's disk; here no more than a page's rollups is
    held, and a part of a period's counters.
    """
    values = {
        "subscription_ids": list(names),
        "first_day": days and days.first,
        "day_after": days and days.after,
    }
    yield from _rollups(conn, names, values)
    yield from _counters(conn, names, values)
    yield from _periods(conn, names, values)
    for bill in wrong_bills(conn, values):
        where = _where(names[bill.subscription_id], *bill.place)
        yield Mismatch("rating", where, bill.problem)
    yield from _seals(conn, names, values)


def _rollups(
    conn: Connection, names: Mapping[int, str], values: dict[str, Any]
) -> Iterator[Mismatch]:
    for key, *row in conn.execute(_SQL["wrong_rollups"], values):
        metric, start, usage_start, expected, stored, counted, claimed = row
        yield Mismatch(
            "rollup",
            _where(names[key], metric, start, usage_start),
            f"{counted} counters fold to {expected}, the rollup says {stored} "
            f"of {claimed}",
        )
    for key, metric, start, usage_start, count in conn.execute(
        _SQL["missing_rollups"], values
    ):
        where = _where(names[key], metric, start, usage_start)
        yield Mismatch("rollup", where, f"is missing for {count} counters")
    for key, metric, start, usage_start, problem in conn.execute(
        _SQL["wrong_states"], values
    ):
        yield Mismatch("state", _where(names[key], metric, start, usage_start), problem)
    for key, metric, start, usage_start, before, base in conn.execute(
        _SQL["wrong_bases"], values
    ):
        where = _where(names[key], metric, start, usage_start)
        problem = f"begins at {base}, {before} was billed before"
        yield Mismatch("correction", where, problem)


def _counters(
    conn: Connection, names: Mapping[int, str], values: dict[str, Any]
) -> Iterator[Mismatch]:
    for key, metric, start, members in conn.execute(_SQL["wrong_members"], values):
        problem = f"{members} members are missing, or are no counter's"
        yield Mismatch("members", _where(names[key], metric, start), problem)
    for key, metric, transaction_id in conn.execute(_SQL["misplaced_counters"], values):
        where = f"{names[key]} {metric} {transaction_id}"
        yield Mismatch("counter", where, "lies outside the period it is counted in")


def _periods(
    conn: Connection, names: Mapping[int, str], values: dict[str, Any]
) -> Iterator[Mismatch]:
    for key, metric, start, problem in conn.execute(_SQL["wrong_periods"], values):
        yield Mismatch("period", _where(names[key], metric, start), problem)
    for key, start, count in conn.execute(_SQL["unsealed_periods"], values):
        problem = f"and {count - 1} more are frozen for an hour, and not sealed"
        yield Mismatch("seal", _where(names[key], "", start), problem)
    for key, start, count in conn.execute(_SQL["kept_archived_counters"], values):
        problem = f"is archived, and {count} of its counters are still here"
        yield Mismatch("archive", _where(names[key], "", start), problem)
    for key, start, problem in conn.execute(_SQL["wrong_frozen_periods"], values):
        yield Mismatch("period", _where(names[key], "", start), problem)


def _seals(
    conn: Connection, names: Mapping[int, str], values: dict[str, Any]
) -> Iterator[Mismatch]:
    rows = conn.execute(_SQL["sealed_periods"], values).fetchall()
    for key, starts in rows:
        for fault in check_chain(conn, key, starts or ()):
            where = _where(names[key], "", fault.period_start)
            yield Mismatch("seal", where, fault.problem)


def _where(
    subscription: str,
    metric: str,
    start: datetime,
    usage_start: datetime | None = None,
) -> str:
    where = " ".join(filter(None, (subscription, metric, _instant(start))))
    if usage_start is None or usage_start == start:
        return where
    return f"{where} (correction of {_instant(usage_start)})"


def _instant(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
