"""How values look in Lago's answers: instants, exact numbers as text, rates."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from marshmallow import fields

from schemas.timestamps import second_text


class Instant(fields.Field[datetime]):
    """An instant in UTC, to the second: ``2026-01-31T05:00:00Z``."""

    def _serialize(self, value: Any, *args: Any, **kwargs: Any) -> str | None:
        if value is None:
            return None
        return second_text(value)


class DecimalText(fields.Field[Decimal]):
    """An exact number as text, with a point in it: ``4`` → ``"4.0"``."""

    def _serialize(self, value: Any, *args: Any, **kwargs: Any) -> str | None:
        if value is None:
            return None
        number: Decimal = value
        whole, _, fraction = format(number, "f").partition(".")
        return f"{whole}.{fraction.rstrip('0') or '0'}"


class Rate(fields.Field[Decimal]):
    """A percentage as a JSON number; no amount is computed from it."""

    def _serialize(self, value: Any, *args: Any, **kwargs: Any) -> float | None:
        return None if value is None else float(value)
