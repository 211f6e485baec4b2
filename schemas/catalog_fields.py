"""Fields that catalog files and Odoo's rows share: codes, numbers, instants."""

import re
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from marshmallow import ValidationError, fields

from schemas.numbers import NumberInvalid, parse_number
from schemas.texts import MAX_TEXT_BYTES

MAX_TEXT: Final = 255
MAX_LONG_TEXT: Final = 1000
FIRST_YEAR, LAST_YEAR = 1970, 2199

_WHOLE = re.compile(r"-?[0-9]+", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_ODOO_DATETIME = "%Y-%m-%d %H:%M:%S"
_UNFIT = {"Cc", "Cs"}  # control characters, halves of surrogate pairs


class Text(fields.String):
    """A line of at most 255 characters, none of them one that XML cannot hold."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        if len(text) > MAX_TEXT:
            raise ValidationError(f"is longer than {MAX_TEXT} characters")
        if any(unicodedata.category(character) in _UNFIT for character in text):
            raise ValidationError("holds a control character")
        return text


class LongText(fields.String):
    """Lines of at most 1,000 characters, none of them one that XML cannot hold."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        if len(text) > MAX_LONG_TEXT:
            raise ValidationError(f"is longer than {MAX_LONG_TEXT} characters")
        for character in text:
            if unicodedata.category(character) in _UNFIT and character not in "\n\t":
                raise ValidationError("holds a control character")
        return text


class Code(Text):
    """A text that identifies something: not empty, no blanks around it."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        if not text:
            raise ValidationError("is empty")
        if text != text.strip():
            raise ValidationError("has blanks at its beginning or end")
        if len(text.encode()) > MAX_TEXT_BYTES:
            # Usage could not be pushed for it: see schemas.texts.
            raise ValidationError(f"is longer than {MAX_TEXT_BYTES} bytes in UTF-8")
        return text


class Number(fields.Field[Decimal]):
    """An exact number of zero or more, from its text; never through a float."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Decimal:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise ValidationError("is not a decimal number")
        try:
            number = parse_number(value)
        except NumberInvalid as error:
            raise ValidationError(str(error)) from error
        if number < 0:
            raise ValidationError("is less than 0")
        return number


class Whole(fields.Field[int]):
    """A whole number from ``low`` to ``high``, from its text or an int."""

    def __init__(self, low: int, high: int, **more: Any) -> None:
        super().__init__(**more)
        self._low, self._high = low, high

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str) or not _WHOLE.fullmatch(value):
            raise ValidationError("is not a whole number")
        number = Decimal(value)  # int() refuses thousands of digits
        if not self._low <= number <= self._high:
            raise ValidationError(f"is not between {self._low} and {self._high}")
        return int(number)


class DayOrInstant(fields.Field[date]):
    """``2026-01-31`` (a date) or ISO 8601 with an offset (an instant in UTC).

    Fractions of a second are cut off: Odoo's datetimes have none.
    """

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> date:
        if not isinstance(value, str):
            raise ValidationError("is not a date, nor an ISO 8601 datetime")
        try:
            if _DAY.fullmatch(value):
                return _check_year(date.fromisoformat(value))
            found = _INSTANT.fullmatch(value)
            if not found:
                raise ValueError(value)
            if not found[1]:
                raise ValidationError("has no offset from UTC, such as Z or -05:00")
            instant = datetime.fromisoformat(value)
            _check_year(instant)
            return instant.astimezone(UTC).replace(microsecond=0)
        except ValueError as error:
            raise ValidationError(
                "is not a date (2026-01-31), nor an ISO 8601 datetime with an offset "
                "(2026-01-31T00:00:00-05:00)"
            ) from error


class OdooInstant(fields.Field[datetime]):
    """``2026-01-31 05:00:00``, Odoo's text of an instant in UTC."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> datetime:
        try:
            return datetime.strptime(value, _ODOO_DATETIME).replace(tzinfo=UTC)
        except (TypeError, ValueError) as error:
            raise ValidationError("is not a datetime of Odoo's") from error


class Timezone(fields.String):
    """A name of the IANA time zone database, such as ``America/Toronto``."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        name = super()._deserialize(value, *args, **kwargs)
        if name not in _timezones():
            raise ValidationError("is not a time zone, such as America/Toronto or UTC")
        return name


def instant_of(moment: date, timezone: str) -> datetime:
    """An instant as it is; a date as its first instant in that time zone, in UTC."""
    if isinstance(moment, datetime):
        return moment
    midnight = datetime(
        moment.year, moment.month, moment.day, tzinfo=ZoneInfo(timezone)
    )
    return midnight.astimezone(UTC)


@cache
def _timezones() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _check_year(moment: date) -> date:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValidationError(f"is not between the years {FIRST_YEAR} and {LAST_YEAR}")
    return moment
