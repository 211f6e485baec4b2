"""Options that several commands share."""

import re
from datetime import date, timedelta
from pathlib import Path

import click

from ledger.verify_page import Days

PERIOD_METAVAR = "YYYY[-MM[-DD]]"

_DAYS = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")

state_option = click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="State directory of the running stack; else the environment, else .fusion.",
)


def parse_days(text: str) -> Days:
    """The days of ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD``. Raises ValueError."""
    found = _DAYS.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not YYYY, YYYY-MM or YYYY-MM-DD")
    year, month, day = found.groups()
    try:
        first = date(int(year), int(month or 1), int(day or 1))
        if day:
            after = first + timedelta(days=1)
        elif month:
            after = (first + timedelta(days=31)).replace(day=1)
        else:
            after = date(first.year + 1, 1, 1)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not in the calendar: {error}") from error
    return Days(first, after)


def read_period(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> Days | None:
    """Callback of ``--period``: the days that it names."""
    try:
        return None if value is None else parse_days(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
