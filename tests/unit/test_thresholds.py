"""Which levels a usage reaches, beside a list of all levels made step by step."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.thresholds import (
    MOST_LEVELS,
    Threshold,
    levels_reached,
    next_level,
    read_thresholds,
)

CENT = Decimal("0.01")
amounts = st.integers(1, 5_000).map(lambda cents: cents * CENT)
usages = st.integers(-100, 20_000).map(lambda cents: cents * CENT)


def fixed(amount: int | Decimal) -> Threshold:
    return Threshold(f"t-{amount}", Decimal(amount), False, "")


def again(amount: int | Decimal) -> Threshold:
    return Threshold("again", Decimal(amount), True, "")


def naive_levels(
    once: list[Decimal], recurring: Decimal | None, usage: Decimal
) -> list[Decimal]:
    """Every level up to the usage, one after another."""
    levels = [amount for amount in once if amount <= usage]
    if recurring is not None:
        level = max(once, default=Decimal(0)) + recurring
        more = []
        while level <= usage:
            more.append(level)
            level += recurring
        levels += more[-MOST_LEVELS:]
    return sorted(levels)


@given(
    once=st.lists(amounts, unique=True, max_size=4),
    recurring=st.none() | amounts,
    usage=usages,
)
def test_the_levels_are_those_of_counting_them_up(
    once: list[Decimal], recurring: Decimal | None, usage: Decimal
) -> None:
    thresholds = [fixed(amount) for amount in once]
    thresholds += [] if recurring is None else [again(recurring)]

    reached = levels_reached(thresholds, usage, {})

    assert [level.amount for level in reached] == naive_levels(once, recurring, usage)


@given(recurring=amounts, steps=st.lists(usages, max_size=8))
def test_however_usage_goes_up_and_down_a_level_recurs_once(
    recurring: Decimal, steps: list[Decimal]
) -> None:
    one, told = again(recurring), dict[str, Decimal]()
    seen: list[Decimal] = []
    for usage in steps:
        fresh = [level.amount for level in levels_reached([one], usage, told)]
        seen += fresh
        if fresh:
            told["again"] = max(fresh)

    assert len(seen) == len(set(seen))
    assert seen == sorted(seen)
    highest = naive_levels([], recurring, max(steps, default=Decimal(0)))
    assert seen[-1:] == highest[-1:]


def test_a_recurring_one_goes_on_after_the_greatest_of_the_others() -> None:
    reached = levels_reached([fixed(10), fixed(20), again(5)], Decimal(31), {})

    assert [level.amount for level in reached] == [10, 20, 25, 30]


def test_a_tiny_recurring_one_tells_the_highest_levels_only() -> None:
    reached = levels_reached([again(CENT)], Decimal(10**9), {})

    assert len(reached) == MOST_LEVELS
    assert reached[-1].amount == 10**9


@given(once=st.lists(amounts, unique=True, max_size=3), recurring=amounts, usage=usages)
def test_the_next_level_is_the_first_that_is_not_reached(
    once: list[Decimal], recurring: Decimal, usage: Decimal
) -> None:
    thresholds = [*map(fixed, once), again(recurring)]

    level = next_level(thresholds[-1], thresholds, usage)

    assert level > usage
    assert level - recurring <= max(usage, max(once, default=Decimal(0)), Decimal(0))


@pytest.mark.parametrize(
    "stored", [[{}], [1], [{"id": "a", "amount": "x", "recurring": 0, "name": ""}]]
)
def test_what_are_no_thresholds_is_an_error(stored: list[dict[str, str]]) -> None:
    with pytest.raises((ArithmeticError, KeyError, TypeError)):
        read_thresholds(stored)


def test_a_threshold_of_nothing_is_none() -> None:
    stored = [{"id": "a", "amount": "0", "recurring": True, "name": ""}]

    assert read_thresholds(stored) == ()
