"""Thresholds of usage: which amounts a period's usage has reached. Pure.

A threshold is reached at its amount. A recurring one is reached at each further amount
of it over the greatest of the others: 10, 20 and 5 recurring are 10, 20, 25, 30 …
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

from ledger.money import EXACT

MOST_LEVELS: Final = 50
"""Levels of a recurring threshold that are told at once: of more the highest."""


@dataclass(frozen=True)
class Threshold:
    """``amount`` in whole units of the plan's currency."""

    id: str
    amount: Decimal
    recurring: bool
    name: str


@dataclass(frozen=True)
class Level:
    """An amount of usage at which a threshold is reached."""

    threshold: Threshold
    amount: Decimal


def read_thresholds(stored: Sequence[Mapping[str, Any]]) -> tuple[Threshold, ...]:
    """Thresholds as the table ``plan`` has them; those over 0, by their amounts.

    Raises ArithmeticError, KeyError or TypeError when they are none.
    """
    found = (
        Threshold(one["id"], Decimal(one["amount"]), one["recurring"], one["name"])
        for one in stored
    )
    return tuple(sorted((t for t in found if t.amount > 0), key=lambda t: t.amount))


def levels_reached(
    thresholds: Sequence[Threshold], usage: Decimal, told: Mapping[str, Decimal]
) -> list[Level]:
    """The levels that this usage reaches, the lowest first.

    ``told``: the highest level of each threshold that was reached before; a recurring
    one's levels up to it are not reached again. Of a recurring threshold at most
    MOST_LEVELS.
    """
    levels = [
        Level(one, one.amount)
        for one in thresholds
        if not one.recurring and one.amount <= usage
    ]
    for one in thresholds:
        if one.recurring:
            levels += _recurring(one, floor_of(thresholds), usage, told.get(one.id))
    return sorted(levels, key=lambda level: level.amount)


def next_level(
    threshold: Threshold, thresholds: Sequence[Threshold], usage: Decimal
) -> Decimal:
    """The first level of a recurring threshold that this usage does not reach."""
    floor = floor_of(thresholds)
    return _level(threshold, floor, _times(threshold, floor, usage) + 1)


def floor_of(thresholds: Sequence[Threshold]) -> Decimal:
    """From which amount on recurring ones recur."""
    return max((t.amount for t in thresholds if not t.recurring), default=Decimal(0))


def _recurring(
    one: Threshold, floor: Decimal, usage: Decimal, told: Decimal | None
) -> list[Level]:
    last = _times(one, floor, usage)
    first = max(1, last - MOST_LEVELS + 1)
    if told is not None:
        first = max(first, _times(one, floor, told) + 1)
    return [Level(one, _level(one, floor, time)) for time in range(first, last + 1)]


def _times(one: Threshold, floor: Decimal, usage: Decimal) -> int:
    over = EXACT.divide(max(EXACT.subtract(usage, floor), Decimal(0)), one.amount)
    return int(over.to_integral_value(ROUND_FLOOR, context=EXACT))


def _level(one: Threshold, floor: Decimal, times: int) -> Decimal:
    return EXACT.add(floor, EXACT.multiply(one.amount, Decimal(times)))
