"""When a counter happened: ISO 8601 with an offset, or seconds since 1970.

The ledger keeps microseconds; what is finer is cut off. Milliseconds, which would be
taken for the year 55,000 and never billed, are refused with a hint.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Context, Decimal
from typing import Final

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
"""Half-open: ``EARLIEST <= timestamp < LATEST``."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
EARLIEST_US: Final = (EARLIEST - _EPOCH) // _MICROSECOND
LATEST_US: Final = (LATEST - _EPOCH) // _MICROSECOND

ISO_PATTERN: Final = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,20})?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})"
)
EPOCH_PATTERN: Final = r"[0-9]{1,20}(\.[0-9]{1,20})?"

_ISO: Final = re.compile(ISO_PATTERN, re.ASCII)
_SECONDS: Final = re.compile(EPOCH_PATTERN, re.ASCII)
_MAX_DIGITS: Final = 40
_WIDE: Final = Context(prec=2 * _MAX_DIGITS)
_MICRO: Final = Decimal("0.000001")
_TOO_FINE_UNITS: Final = ((3, "milliseconds"), (6, "microseconds"), (9, "nanoseconds"))


class TimestampInvalid(ValueError):
    """Not a point in time that a counter may have; says which rule broke."""


def read_timestamp(value: object) -> int:
    """Microseconds since 1970 UTC of a timestamp as JSON has it (numbers as Decimal).

    Raises TimestampInvalid.
    """
    if isinstance(value, str):
        return _read_text(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TimestampInvalid("must be ISO 8601 with an offset, or seconds since 1970")
    return _read_seconds(Decimal(value))


def utc_text(instant: datetime) -> str:
    """The instant as ISO 8601 in UTC with microseconds and a ``Z``."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def second_text(instant: datetime) -> str:
    """The instant as ISO 8601 in UTC with whole seconds and a ``Z``."""
    return instant.astimezone(UTC).replace(microsecond=0).isoformat()[:-6] + "Z"


def _read_text(text: str) -> int:
    if _ISO.fullmatch(text):
        try:
            instant = datetime.fromisoformat(text)
            microseconds = (instant - _EPOCH) // _MICROSECOND
        except (ValueError, OverflowError) as error:
            raise TimestampInvalid("names no existing date or time") from error
        if EARLIEST_US <= microseconds < LATEST_US:
            return microseconds
        raise TimestampInvalid(_OUT_OF_RANGE)
    if _SECONDS.fullmatch(text):
        return _read_seconds(Decimal(text))
    raise TimestampInvalid(
        "must be ISO 8601 with an offset (2026-01-31T23:59:59Z), or seconds since 1970"
    )


def _read_seconds(seconds: Decimal) -> int:
    if not seconds.is_finite() or seconds.adjusted() > 20:
        raise TimestampInvalid(_OUT_OF_RANGE)
    if len(seconds.as_tuple().digits) > _MAX_DIGITS:
        raise TimestampInvalid(f"has more than {_MAX_DIGITS} digits")
    exact = seconds.quantize(_MICRO, rounding=ROUND_FLOOR, context=_WIDE)
    microseconds = int(exact.scaleb(6, context=_WIDE))
    if EARLIEST_US <= microseconds < LATEST_US:
        return microseconds
    for power, unit in _TOO_FINE_UNITS:
        if EARLIEST_US <= microseconds // 10**power < LATEST_US:
            raise TimestampInvalid(f"looks like {unit}; send seconds since 1970")
    raise TimestampInvalid(_OUT_OF_RANGE)


_OUT_OF_RANGE: Final = f"must lie in the years {EARLIEST.year} to {LATEST.year - 1}"
