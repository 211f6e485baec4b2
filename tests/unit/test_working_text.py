"""A line's working as text: every step, exactly, in words for a customer."""

from decimal import Decimal

from ledger.charge import Charge, Tier
from ledger.rating import NOTHING
from ledger.working_text import working_text
from tests.rate import correct_quantity, rate_quantity

PACKAGE = Charge("package", Decimal(36000), Decimal("0.0075"), Decimal(3600))
TIERS = (
    Tier(Decimal(10), Decimal("0.5"), Decimal(1)),
    Tier(None, Decimal("0.25"), Decimal(0)),
)


def worked(charge: Charge | None, quantity: str) -> list[str]:
    rating = rate_quantity(charge, Decimal(quantity), "CAD")
    return working_text(charge, rating, "CAD").splitlines()


def test_blocks_are_counted_and_rounded_once() -> None:
    assert worked(PACKAGE, "40000.50") == [
        "used 40000.5",
        "included 36000 of 36000",
        "over 4000.5",
        "2 blocks of 3600 x 0.0075 = 0.0150",
        "rounded 0.0150 to 0.02 CAD",
    ]


def test_each_tier_is_a_step_of_its_own() -> None:
    charge = Charge("graduated", Decimal(0), Decimal(0), tiers=TIERS)

    assert worked(charge, "12")[3:] == [
        "10 x 0.5 + 1 = 6.0 (tier to 10)",
        "2 x 0.25 = 0.50 (tier of the rest)",
        "rounded 6.50 to 6.50 CAD",
    ]


def test_a_minimum_and_a_rounding_of_units_are_told() -> None:
    charge = Charge(
        "standard",
        Decimal(1),
        Decimal(2),
        minimum=Decimal(5),
        rounding="ceil",
        rounding_precision=0,
    )

    assert worked(charge, "2.2") == [
        "used 3 (ceil to 0 digits)",
        "included 1 of 1",
        "over 2",
        "2 x 2 = 4",
        "+ 1 up to the least amount 5",
        "rounded 5 to 5.00 CAD",
    ]


def test_without_a_charge_it_costs_nothing() -> None:
    assert worked(None, "7") == ["no charge: it costs nothing"]


def test_what_is_not_due_here_is_not_said_to_be_rounded_to_nothing() -> None:
    charge = Charge("standard", Decimal(0), Decimal(1), minimum=Decimal(5))

    text = working_text(charge, NOTHING, "CAD")

    assert text.splitlines()[-1] == "not billed here: 0 CAD"


def test_a_correction_has_what_was_billed_and_what_it_comes_to_by_now() -> None:
    before = rate_quantity(PACKAGE, Decimal(36001), "CAD")
    correction = correct_quantity(PACKAGE, before, Decimal(44000), "CAD")

    assert working_text(PACKAGE, correction, "CAD").splitlines() == [
        "billed before: 0.01 CAD",
        "  used 36001",
        "  included 36000 of 36000",
        "  over 1",
        "  1 block of 3600 x 0.0075 = 0.0075",
        "  rounded 0.0075 to 0.01 CAD",
        "by now: 0.02 CAD",
        "  used 44000",
        "  included 36000 of 36000",
        "  over 8000",
        "  3 blocks of 3600 x 0.0075 = 0.0225",
        "  rounded 0.0225 to 0.02 CAD",
        "difference: 0.01 CAD",
    ]
