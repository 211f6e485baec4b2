"""Which numbers a counter may carry: exact decimals of 30 digits before the point and
20 after it. The same rule at the edge and in the workers.
"""

import re
from decimal import Decimal

MAX_WHOLE_DIGITS = 30
MAX_FRACTION_DIGITS = 20

_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?", re.ASCII)
_WITHIN_DIGITS = re.compile(
    rf"-?[0-9]{{1,{MAX_WHOLE_DIGITS}}}(?:\.[0-9]{{1,{MAX_FRACTION_DIGITS}}})?", re.ASCII
)


class NumberInvalid(ValueError):
    """The text or number is not one that a counter may carry; says which rule broke."""


def parse_number(text: str) -> Decimal:
    """A decimal string such as ``-12.50``; no exponent, no blanks, no thousands marks.

    Raises NumberInvalid.
    """
    if not _PLAIN.fullmatch(text):
        raise NumberInvalid("is not a decimal number")
    return check_number(Decimal(text))


def is_within_digits(text: str) -> bool:
    """Whether the form alone proves the rule, as it does of nearly every number."""
    return _WITHIN_DIGITS.fullmatch(text) is not None


def check_number(number: Decimal) -> Decimal:
    """The number itself, when it is finite and within the digits allowed.

    Raises NumberInvalid.
    """
    if not number.is_finite():
        raise NumberInvalid("is not a finite number")
    _, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - tells mypy what is_finite ensured
    if number and number.adjusted() >= MAX_WHOLE_DIGITS:
        raise NumberInvalid(f"has more than {MAX_WHOLE_DIGITS} digits before the point")
    if -exponent > MAX_FRACTION_DIGITS or len(digits) > 4 * MAX_WHOLE_DIGITS:
        raise NumberInvalid(
            f"has more than {MAX_FRACTION_DIGITS} digits after the point"
        )
    return number
