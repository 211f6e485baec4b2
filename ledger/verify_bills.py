"""Checking what was billed: each frozen line is rated again, by parts from counters."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from ledger.charge import ZERO, Charge
from ledger.charge_json import charge_from_json
from ledger.db import Connection
from ledger.parts import Line, read_usages
from ledger.queries import load_queries
from ledger.rating import (
    NOTHING,
    Correction,
    Part,
    Rating,
    Slot,
    Usage,
    rate_correction,
    rate_usage,
)
from ledger.unrated import RATING_ERRORS
from ledger.working import (
    AFTER_END,
    BILLED,
    Prior,
    line_from_json,
    prior_from_json,
)

_SQL = load_queries("verify")


@dataclass(frozen=True)
class WrongBill:
    """A line that is not what its usage comes to. ``place``: its metric, and the starts
    of its periods of billing and of usage."""

    subscription_id: int
    place: tuple[str, datetime, datetime]
    problem: str


@dataclass(frozen=True)
class _Frozen:
    """A line as it was billed. Where its counters are archived, by parts it is only
    proved to be what its own parts come to."""

    line: Line
    metric: str
    archived: bool
    amount: Decimal
    due: str
    currency: str
    billed: Rating | Correction
    prior: Prior


def wrong_bills(conn: Connection, values: Mapping[str, Any]) -> Iterator[WrongBill]:
    """Those of a page of subscriptions, in the order of the statement."""
    rows = conn.execute(_SQL["frozen_lines"], values).fetchall()
    read: list[_Frozen | WrongBill] = [_read(*row) for row in rows]
    found = [each for each in read if isinstance(each, _Frozen)]
    usages = iter(read_usages(conn, [_line_to_count(each) for each in found]))
    for each in read:
        if isinstance(each, WrongBill):
            yield each
            continue
        problem = _rated_wrong(each, next(usages))
        if problem is not None:
            yield _wrong(each.line, each.metric, problem)


def _read(
    subscription_id: int,
    metric: str,
    start: datetime,
    usage_start: datetime,
    metric_id: int,
    aggregation: str,
    quantity: Decimal,
    counters: int,
    archived: bool,
    amount: Decimal,
    stored: dict[str, Any],
    before: dict[str, Any] | None,
) -> _Frozen | WrongBill:
    key = (subscription_id, metric_id, start, usage_start)
    line = Line(*key, aggregation, quantity, counters, None)
    try:
        billed, due = line_from_json(stored), stored["due"]
        charge, currency = charge_from_json(stored["charge"]), stored["currency"]
        prior = prior_from_json(before, currency)
    except RATING_ERRORS as error:
        return _wrong(line, metric, f"cannot be rated by its charge: {error!r}")
    line = replace(line, charge=charge)
    return _Frozen(line, metric, archived, amount, due, currency, billed, prior)


def _line_to_count(frozen: _Frozen) -> Line:
    """By no charge where the counters are not here, or make no difference."""
    if frozen.archived or frozen.due == AFTER_END:
        return replace(frozen.line, charge=None)
    return frozen.line


def _rated_wrong(frozen: _Frozen, usage: Usage) -> str | None:
    line, billed, due = frozen.line, frozen.billed, frozen.due
    if due != BILLED and line.counters:
        return f"is said to be due {due}, and has {line.counters} counters"
    try:
        if frozen.archived and line.needs_counters:
            usage = _stored_usage(line, billed)
        rated: Rating | Correction = rate_usage(line.charge, usage, frozen.currency)
        if isinstance(billed, Correction):
            before = frozen.prior.before
            rated = rate_correction(line.charge, before, usage, frozen.currency)
        elif due == AFTER_END:
            rated = NOTHING
    except RATING_ERRORS as error:
        return f"cannot be rated by its charge: {error!r}"
    if rated != billed:
        return f"comes to {rated.amount}, was rated as {billed.amount}"
    owed = billed.amount if due == BILLED else ZERO
    if frozen.amount != owed:
        return f"was rated as {owed}, its amount is {frozen.amount}"
    return None


def _stored_usage(line: Line, billed: Rating | Correction) -> Usage:
    """The usage as the line itself has it: by its fees, or by the events it priced."""
    charge, rating = line.charge, billed
    if isinstance(rating, Correction):
        rating = rating.after
    if charge is None or not charge.by_parts:
        return Usage(line.quantity, _stored_events(charge, rating))
    parts = tuple(_part(charge, slot) for slot in rating.slots if slot.events)
    return Usage(line.quantity, sum(part.events for part in parts), parts)


def _part(charge: Charge, slot: Slot) -> Part:
    ids = [one.id for one in charge.filters]
    place = None if slot.filter_id is None else ids.index(slot.filter_id)
    keys = charge.terms_of(place).group_keys
    group = tuple(slot.group[key] for key in keys)
    return Part(place, group, slot.quantity, slot.events)


def _stored_events(charge: Charge | None, rating: Rating) -> int:
    if charge is None or not charge.fixed or len(rating.steps) < 2:
        return 0
    return int(rating.steps[1].units) + charge.free_events


def _wrong(line: Line, metric: str, problem: str) -> WrongBill:
    place = (metric, line.period_start, line.usage_start)
    return WrongBill(line.subscription_id, place, problem)
