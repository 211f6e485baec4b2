"""A form that proves a number is one that the rule itself takes."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from schemas.numbers import is_within_digits, parse_number

NEAR = st.from_regex(r"\A-?0{0,3}[0-9]{0,32}(\.[0-9]{0,22})?\n?\Z")


@given(NEAR | st.text(max_size=5))
def test_what_the_form_proves_is_a_number(text: str) -> None:
    if is_within_digits(text):
        assert parse_number(text) == Decimal(text)


def test_the_digits_allowed_are_proved_by_their_form() -> None:
    assert is_within_digits("-" + "9" * 30 + "." + "9" * 20)
    assert not is_within_digits("9" * 31)
    assert not is_within_digits("0." + "9" * 21)
