"""The text of a number is taken as it is only where the rule itself would take it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.numbers import NumberInvalid, number_text, parse_number

NEAR = st.from_regex(r"\A-?0{0,3}[0-9]{0,32}(\.[0-9]{0,22})?\n?\Z")


@given(NEAR | st.text(max_size=5))
def test_the_text_and_the_number_are_judged_alike(text: str) -> None:
    try:
        number = parse_number(text)
    except NumberInvalid as refused:
        with pytest.raises(NumberInvalid, match=f"^{refused}$"):
            number_text(text)
        return

    taken = Decimal(number_text(text))

    assert taken.as_tuple() == number.as_tuple()
