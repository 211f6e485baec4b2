"""Decimal places of money, and the one rounding that a bill gets."""

from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Context, Decimal

# ISO 4217: the currencies whose minor unit is not a hundredth.
_PLACES = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
UNUSUAL_PLACES = {
    code: places for places, codes in _PLACES.items() for code in codes.split()
}

# Wide enough that no sum or product of a bill is ever rounded on the way: values have
# at most 50 digits, and a rollup adds at most 10^18 of them.
EXACT = Context(prec=400)


def currency_places(currency: str) -> int:
    """Digits after the point: CAD 2, JPY 0, KWD 3 (ISO 4217)."""
    return UNUSUAL_PLACES.get(currency, 2)


def round_money(amount: Decimal, currency: str) -> Decimal:
    """Half up (away from zero at the half) to the currency's precision."""
    step = Decimal(1).scaleb(-currency_places(currency))
    return amount.quantize(step, rounding=ROUND_HALF_UP, context=EXACT)


def to_cents(amount: Decimal, currency: str) -> int:
    """An amount in the currency's smallest unit, rounded half up."""
    places = currency_places(currency)
    return int(round_money(amount, currency).scaleb(places, context=EXACT))


def from_cents(cents: int, currency: str) -> Decimal:
    """So many of the currency's smallest unit as an amount; what to_cents undoes."""
    return Decimal(cents).scaleb(-currency_places(currency), context=EXACT)


def sum_exact(amounts: Iterable[Decimal]) -> Decimal:
    """Their sum, never rounded."""
    total = Decimal(0)
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total
