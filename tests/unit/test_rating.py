"""Rating is exact, rounds once, and agrees with pricing unit by unit."""

import json
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.charge import Charge, Tier
from ledger.charge_json import charge_from_json, charge_json
from ledger.money import round_money, to_cents
from ledger.rating import round_units
from ledger.working import line_from_json, line_json
from tests.rate import correct_quantity, rate_quantity

D = Decimal
CENT = Fraction(1, 100)
PRICES = st.decimals(0, 1000, places=6, allow_nan=False, allow_infinity=False)
UNITS = st.decimals(0, 10**12, places=8, allow_nan=False, allow_infinity=False)
TIERS = (
    Tier(D(10), D("0.5"), D(3)),
    Tier(D(100), D("0.25"), D(2)),
    Tier(None, D("0.1"), D(1)),
)


def half_up(amount: Fraction, step: Fraction = CENT) -> Fraction:
    """Round half up by whole numbers alone."""
    return (amount / step + Fraction(1, 2)).__floor__() * step


@pytest.mark.parametrize(
    ("seconds", "amount"),
    [("0", "0"), ("1", "0.01"), ("3600", "0.01"), ("3601", "0.02"), ("360000", "0.75")],
)
def test_the_pilot_is_billed_per_started_hour(seconds: str, amount: str) -> None:
    quota = D(1_000_000)
    charge = Charge("package", quota, D("0.0075"), D(3600))

    rating = rate_quantity(charge, quota + D(seconds), "CAD")

    assert rating.amount == D(amount)
    assert rating.overage == D(seconds)
    assert rating.included == quota


def test_a_rate_of_0_0075_stays_0_0075() -> None:
    charge = Charge("package", D(0), D("0.0075"), D(3600))

    rating = rate_quantity(charge, D(3600 * 1000), "CAD")

    assert rating.amount == D("7.50")
    assert rating.steps[0].unit_price == D("0.0075")


@given(UNITS, UNITS, PRICES)
def test_standard_is_overage_times_price(units: D, included: D, price: D) -> None:
    rating = rate_quantity(Charge("standard", included, price), units, "CAD")

    overage = max(Fraction(units) - Fraction(included), Fraction(0))
    assert Fraction(rating.amount) == half_up(overage * Fraction(price))
    assert rating.included + rating.overage == units


@given(UNITS, st.decimals(D("0.001"), 5000, places=3), PRICES)
def test_package_counts_begun_blocks_whole(units: D, size: D, price: D) -> None:
    rating = rate_quantity(Charge("package", D(0), price, size), units, "CAD")

    blocks = -((-Fraction(units)) // Fraction(size))
    assert Fraction(rating.amount) == half_up(blocks * Fraction(price))


@given(st.integers(0, 300))
def test_graduated_prices_each_unit_in_its_tier(units: int) -> None:
    rating = rate_quantity(
        Charge("graduated", D(0), D(0), None, TIERS), D(units), "CAD"
    )

    expected = D(3)
    for unit in range(1, units + 1):
        expected += D("0.5") if unit <= 10 else D("0.25") if unit <= 100 else D("0.1")
    expected += 2 * (units > 10) + 1 * (units > 100)
    assert rating.amount == round_money(expected, "CAD")
    assert sum(step.units for step in rating.steps) == units


@given(st.integers(0, 300))
def test_volume_prices_all_units_by_the_total(units: int) -> None:
    rating = rate_quantity(Charge("volume", D(0), D(0), None, TIERS), D(units), "CAD")

    tier = TIERS[0] if units <= 10 else TIERS[1] if units <= 100 else TIERS[2]
    assert rating.amount == round_money(
        units * tier.unit_price + tier.flat_price, "CAD"
    )


def test_percentage_is_of_the_units() -> None:
    rating = rate_quantity(Charge("percentage", D(100), D("2.9")), D("350.10"), "CAD")

    assert rating.amount == D("7.25")


@given(st.decimals(-(10**9), 0, places=4))
def test_negative_units_are_kept_and_cost_what_none_would(units: D) -> None:
    rating = rate_quantity(Charge("standard", D(0), D(5)), units, "CAD")

    assert rating.units == units
    assert rating.amount == 0


@pytest.mark.parametrize(
    ("currency", "amount", "cents"),
    [("CAD", "1.00", 100), ("JPY", "1", 1), ("KWD", "1.005", 1005)],
)
def test_rounding_is_half_up_to_the_currency(
    currency: str, amount: str, cents: int
) -> None:
    value = {"CAD": D("0.995"), "JPY": D("0.5"), "KWD": D("1.0045")}[currency]

    assert round_money(value, currency) == D(amount)
    assert to_cents(value, currency) == cents


def test_fifty_digits_are_exact() -> None:
    units = D("123456789012345678901234567890.12345678901234567890")
    rating = rate_quantity(Charge("standard", D(0), D("0.0075")), units, "KWD")

    assert rating.units == units
    assert Fraction(rating.amount) == half_up(
        Fraction(units) * Fraction(75, 10_000), Fraction(1, 1000)
    )


@pytest.mark.parametrize(
    ("quantity", "rounding", "precision", "units"),
    [
        ("2.5", "round", 0, "3"),
        ("-2.5", "round", 0, "-3"),
        ("2.4", "ceil", 0, "3"),
        ("-2.4", "ceil", 0, "-2"),
        ("2.6", "floor", 0, "2"),
        ("1249.9", "floor", -2, "1200"),
        ("0.12345", "round", 4, "0.1235"),
        ("2.123456789", "none", 0, "2.123456789"),
    ],
)
def test_units_are_rounded_as_their_metric_says(
    quantity: str, rounding: str, precision: int, units: str
) -> None:
    charge = Charge("standard", D(0), D(1), None, (), D(0), rounding, precision)

    assert rate_quantity(charge, D(quantity), "CAD").units == D(units)


@given(
    st.decimals(-(10**30), 10**30, places=20, allow_nan=False),
    st.sampled_from(["round", "ceil", "floor"]),
    st.integers(-30, 30),
)
def test_rounding_agrees_with_whole_numbers(
    quantity: Decimal, rounding: str, precision: int
) -> None:
    steps = Fraction(quantity) * Fraction(10) ** precision
    whole = {
        "ceil": steps.__ceil__(),
        "floor": steps.__floor__(),
        "round": (abs(steps) + Fraction(1, 2)).__floor__() * (1 if steps > 0 else -1),
    }

    rounded = round_units(quantity, rounding, precision)

    assert Fraction(rounded) == whole[rounding] / Fraction(10) ** precision


@given(UNITS, st.decimals(0, 10**6, places=6, allow_nan=False))
def test_a_minimum_fills_up_what_is_less(units: Decimal, minimum: Decimal) -> None:
    free = Charge("graduated", D(0), D(0), None, TIERS)
    least = Charge("graduated", D(0), D(0), None, TIERS, minimum)

    plain, filled = (
        rate_quantity(free, units, "CAD"),
        rate_quantity(least, units, "CAD"),
    )

    assert filled.amount == max(plain.amount, round_money(minimum, "CAD"))
    assert filled.steps == plain.steps
    exact = sum((step.amount for step in plain.steps), D(0))
    assert filled.true_up == max(minimum - exact, D(0))


def test_negative_units_are_billed_as_none_and_shown() -> None:
    rating = rate_quantity(Charge("standard", D(5), D(2)), D(-7), "CAD")

    assert (rating.units, rating.overage, rating.amount) == (D(-7), D(0), D(0))


@given(
    st.lists(UNITS, min_size=2, max_size=5),
    st.sampled_from(["standard", "package", "graduated", "volume", "percentage"]),
)
def test_corrections_add_up_to_the_last_quantity(
    quantities: list[Decimal], model: str
) -> None:
    charge = Charge(model, D(3), D("0.0075"), D(3600), TIERS, D("0.10"))
    first = rate_quantity(charge, quantities[0], "KWD")

    corrections = [
        correct_quantity(charge, rate_quantity(charge, base, "KWD"), quantity, "KWD")
        for base, quantity in pairwise(quantities)
    ]

    billed = first.amount + sum((c.amount for c in corrections), D(0))
    assert billed == rate_quantity(charge, quantities[-1], "KWD").amount


@given(UNITS, UNITS)
def test_a_stored_line_reads_back_as_it_was(base: Decimal, quantity: Decimal) -> None:
    charge = Charge("volume", D(1), D(0), D(2), TIERS, D("0.5"), "ceil", -1)
    for line in (
        rate_quantity(charge, quantity, "JPY"),
        correct_quantity(charge, rate_quantity(charge, base, "JPY"), quantity, "JPY"),
    ):
        stored = json.loads(json.dumps(line_json(charge, "JPY", line)))

        assert line_from_json(stored) == line
        assert charge_from_json(stored["charge"]) == charge
    assert charge_from_json(charge_json(None)) is None
