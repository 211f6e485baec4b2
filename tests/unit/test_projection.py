"""What a period is projected to: never scaled money, never less than it is."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.charge import Charge, ChargeFilter, Tier
from ledger.periods import Period
from ledger.projection import Pace, pace_of, project_quantity, project_usage
from ledger.rating import Part, Usage, rate_usage
from ledger.unrated import ChargeUnratable
from ledger.usage import ChargeUsage, PeriodUsage

NOVEMBER = datetime(2026, 11, 1, 4, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, 5, tzinfo=UTC)
MONTH = Period(NOVEMBER, DECEMBER)
TORONTO = "America/Toronto"

quantities = st.decimals(0, 10**12, allow_nan=False, places=9)
paces = st.integers(1, 366).flatmap(
    lambda days: st.builds(Pace, st.integers(1, days), st.just(days))
)


def usage_of(charge: Charge, used: Usage, aggregation: str = "sum") -> PeriodUsage:
    rating = rate_usage(charge, used, "CAD")
    line = ChargeUsage(
        uuid.uuid4(),
        charge.model,
        uuid.uuid4(),
        "api",
        "API",
        aggregation,
        used.events,
        rating,
        charge,
        used,
    )
    return PeriodUsage(MONTH, TORONTO, "CAD", (line,), ())


@pytest.mark.parametrize(
    ("instant", "begun"),
    [
        (NOVEMBER, 1),
        (NOVEMBER + timedelta(hours=24, minutes=59), 1),  # a day of 25 hours
        (NOVEMBER + timedelta(hours=25), 2),
        (DECEMBER - timedelta(microseconds=1), 30),
        (DECEMBER + timedelta(days=9), 30),
    ],
)
def test_days_are_counted_in_the_subscriptions_timezone_today_included(
    instant: datetime, begun: int
) -> None:
    assert pace_of(MONTH, TORONTO, instant) == Pace(begun, 30)


def test_a_first_period_of_a_part_of_a_day_is_over_on_that_day() -> None:
    short = Period(DECEMBER - timedelta(hours=3), DECEMBER)

    assert pace_of(short, TORONTO, short.start) == Pace(1, 1)


@given(quantity=quantities, pace=paces)
def test_a_sum_is_projected_by_the_days_and_never_below_itself(
    quantity: Decimal, pace: Pace
) -> None:
    projected = project_quantity("sum", quantity, pace)

    exact = Fraction(quantity) * pace.days / pace.begun
    assert projected >= quantity
    assert abs(Fraction(projected) - exact) <= Fraction(1, 2 * 10**9)


@given(events=st.integers(0, 10**9), pace=paces)
def test_a_number_of_things_stays_a_whole_number(events: int, pace: Pace) -> None:
    for aggregation in ("count", "unique"):
        projected = project_quantity(aggregation, Decimal(events), pace)

        assert projected == int(projected) >= events


@given(quantity=quantities, pace=paces)
def test_what_time_does_not_make_greater_stays_as_it_is(
    quantity: Decimal, pace: Pace
) -> None:
    assert project_quantity("max", quantity, pace) == quantity
    assert project_quantity("last", quantity, pace) == quantity


@given(quantity=quantities, days=st.integers(1, 366))
def test_at_the_end_of_the_period_it_is_what_was_used(
    quantity: Decimal, days: int
) -> None:
    assert project_quantity("sum", quantity, Pace(days, days)) == quantity


def test_the_projected_quantity_is_rated_and_money_is_not_scaled() -> None:
    charge = Charge("standard", Decimal(100), Decimal("0.5"))
    tenth_day = NOVEMBER + timedelta(days=9, hours=2)

    projected = project_usage(usage_of(charge, Usage(Decimal(90), 9)), tenth_day)

    (rating,) = projected.ratings
    assert projected.usage.charges[0].rating.amount == 0  # within the quota
    assert (rating.units, rating.overage) == (Decimal(270), Decimal(170))
    assert projected.amount == Decimal("85.00")


def test_no_digit_of_a_great_amount_is_lost() -> None:
    charge = Charge("standard", Decimal(0), Decimal("0.01"))
    great = Decimal("123456789012345678901234567891")

    projected = project_usage(usage_of(charge, Usage(great, 1)), DECEMBER)

    assert projected.amount == Decimal("1234567890123456789012345678.91")


def test_a_price_per_event_is_of_the_projected_events() -> None:
    charge = Charge("percentage", Decimal(0), Decimal(1), fixed=Decimal("0.10"))
    fifteenth = NOVEMBER + timedelta(days=14, hours=2)

    projected = project_usage(usage_of(charge, Usage(Decimal(50), 3)), fifteenth)

    assert projected.amount == Decimal("1.60")  # 1 % of 100, and 6 events


@given(
    quantities=st.lists(quantities, min_size=1, max_size=4),
    events=st.integers(1, 1000),
    day=st.integers(0, 29),
    charge=st.sampled_from(
        [
            Charge("standard", Decimal(0), Decimal("0.0075")),
            Charge("package", Decimal(3), Decimal("2.5"), Decimal(10)),
            Charge("percentage", Decimal(1), Decimal("0.3"), fixed=Decimal("0.01")),
            Charge(
                "graduated",
                Decimal(0),
                Decimal(0),
                tiers=(
                    Tier(Decimal(100), Decimal(1), Decimal(5)),
                    Tier(None, Decimal("0.01"), Decimal(0)),
                ),
            ),
        ]
    ),
)
def test_by_parts_each_fee_is_projected_and_none_gets_smaller(
    quantities: list[Decimal], events: int, day: int, charge: Charge
) -> None:
    home = ChargeFilter(
        "f",
        "Home",
        {"region": ("ca",)},
        price=Decimal(1),
        package_size=Decimal(1),
        tiers=charge.tiers,
    )
    parted = replace(charge, group_keys=("user",), filters=(home,))
    parts = tuple(
        Part(None, (f"u{place}",), quantity, events)
        for place, quantity in enumerate(quantities)
    )
    whole = Usage(sum(quantities, Decimal(0)), events * len(parts), parts)
    usage = usage_of(parted, whole)

    projected = project_usage(usage, NOVEMBER + timedelta(days=day, hours=2))

    now, (then,) = usage.charges[0].rating, projected.ratings
    assert [slot.group for slot in then.slots] == [slot.group for slot in now.slots]
    for before, after in zip(now.slots, then.slots, strict=True):
        assert after.rating.units >= before.rating.units
        assert after.rating.amount >= before.rating.amount
    assert then.amount == sum(slot.rating.amount for slot in then.slots)


def test_a_projection_that_cannot_be_rated_names_its_metric() -> None:
    tiers = (Tier(Decimal(100), Decimal(1), Decimal(0)),)
    charge = Charge("volume", Decimal(0), Decimal(0), tiers=tiers)
    usage = usage_of(charge, Usage(Decimal(60), 1))

    with pytest.raises(ChargeUnratable) as raised:
        project_usage(usage, NOVEMBER + timedelta(days=9, hours=2))

    assert raised.value.metric == "api"
