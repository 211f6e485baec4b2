"""Seals: a hash over each frozen period, chained per subscription, shows tampering.

A seal covers the period, the lines of its bill with their working, a hash over the
counters that came into it (and those that were taken back in it), and the seal before.
What it covers does not change any more, so that it can be taken after the freeze,
without holding up a fold, and taken again to compare.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ledger.db import Connection
from ledger.queries import load_queries

PAGE = 20
LINES_PER_DIGEST = 1_000

_SQL = load_queries("chain")


@dataclass(frozen=True)
class ChainFault:
    """A frozen period that is not any more what was sealed."""

    period_start: datetime
    problem: str


@dataclass(frozen=True)
class _Period:
    subscription_id: int
    start: datetime
    end: datetime
    plan_id: int
    currency: str
    frozen_at: datetime


def seal_page(conn: Connection) -> int:
    """Seal a page of frozen periods; answers how many. Call until it answers 0.

    One period of a subscription at a time, for a seal needs the one before. Twice at
    once is harmless: both come to the same seal.
    """
    rows = conn.execute(_SQL["unsealed"], {"limit": PAGE}).fetchall()
    for *columns, before in rows:
        period = _Period(*columns)
        counters = counters_hash(conn, period.subscription_id, period.start)
        seal = _seal(conn, period, counters, before)
        conn.execute(
            _SQL["set_seal"],
            {
                "subscription_id": period.subscription_id,
                "period_start": period.start,
                "counters_hash": counters,
                "seal": seal,
            },
        )
    return len(rows)


def check_chain(
    conn: Connection, subscription_id: int, periods: Iterable[datetime] | None = None
) -> list[ChainFault]:
    """Take a subscription's seals again; answers the periods whose differ.

    ``periods``: starts of those whose counters are hashed again; None: all. Of archived
    ones only the bill is compared; their counters are in the archive's file.
    """
    wanted = None if periods is None else set(periods)
    faults: list[ChainFault] = []
    before: bytes | None = None
    rows = conn.execute(_SQL["sealed"], {"subscription_id": subscription_id})
    for *columns, stored_counters, seal, archived in rows.fetchall():
        period = _Period(subscription_id, *columns)
        if not archived and (wanted is None or period.start in wanted):
            counters = counters_hash(conn, subscription_id, period.start)
            if counters != stored_counters:
                problem = "its counters are not those that were sealed"
                faults.append(ChainFault(period.start, problem))
        if _seal(conn, period, stored_counters, before) != seal:
            problem = "its bill, or the seal before it, is not what was sealed"
            faults.append(ChainFault(period.start, problem))
        before = seal
    return faults


def counters_hash(
    conn: Connection, subscription_id: int, period_start: datetime
) -> bytes:
    """SHA-256 over the digests of each 1,000 counters of a period's bill."""
    digest = hashlib.sha256()
    values = {
        "subscription_id": subscription_id,
        "period_start": period_start,
        "lines_per_digest": LINES_PER_DIGEST,
    }
    for (part,) in conn.execute(_SQL["counter_digests"], values):
        digest.update(part)
    return digest.digest()


def _seal(
    conn: Connection, period: _Period, counters: bytes, before: bytes | None
) -> bytes:
    digest = hashlib.sha256()
    digest.update(
        _line(
            [
                period.subscription_id,
                _instant(period.start),
                _instant(period.end),
                period.plan_id,
                period.currency,
                _instant(period.frozen_at),
                counters.hex(),
                None if before is None else before.hex(),
            ]
        )
    )
    for line in _bill_lines(conn, period):
        digest.update(line)
    return digest.digest()


def _bill_lines(conn: Connection, period: _Period) -> Iterator[bytes]:
    rows = conn.execute(
        _SQL["bill_lines"],
        {
            "subscription_id": period.subscription_id,
            "period_start": period.start,
        },
    )
    for code, usage_start, end, aggregation, quantity, base, *row in rows:
        counters, last_at, last_transaction_id, amount, rating = row
        yield _line(
            [
                code,
                _instant(usage_start),
                _instant(end),
                aggregation,
                _number(quantity),
                _number(base),
                counters,
                last_at and _instant(last_at),
                last_transaction_id,
                None if amount is None else _number(amount),
                rating,
            ]
        )


def _line(values: list[Any]) -> bytes:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return text.encode() + b"\n"


def _instant(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def _number(number: Decimal) -> str:
    """One text for equal numbers, whatever zeros they end in."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
