"""How the command line names periods: by a year, a month or a day."""

from datetime import date

import pytest

from deploy.options import parse_days
from ledger.verify_page import Days


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2026", date(2026, 1, 1), date(2027, 1, 1)),
        ("2026-02", date(2026, 2, 1), date(2026, 3, 1)),
        ("2026-12", date(2026, 12, 1), date(2027, 1, 1)),
        ("2028-02-29", date(2028, 2, 29), date(2028, 3, 1)),
    ],
)
def test_a_name_stands_for_its_days(text: str, first: date, after: date) -> None:
    assert parse_days(text) == Days(first, after)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "26",
        "2026-2",
        "2026-13",
        "2026-02-30",
        "0000",
        "9999",
        "2026-01-01T00",
        "٢٠٢٦",
        "2026\n",
        "last month",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        parse_days(text)
