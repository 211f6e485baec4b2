"""Rating a bare quantity: usage without events or parts."""

from decimal import Decimal

from ledger.charge import Charge
from ledger.rating import Correction, Rating, Usage, rate_correction, rate_usage


def rate_quantity(charge: Charge | None, quantity: Decimal, currency: str) -> Rating:
    """What a quantity of no events costs."""
    return rate_usage(charge, Usage(quantity, 0), currency)


def correct_quantity(
    charge: Charge | None, before: Rating, quantity: Decimal, currency: str
) -> Correction:
    """What a quantity of no events costs beside what was billed."""
    return rate_correction(charge, before, Usage(quantity, 0), currency)
