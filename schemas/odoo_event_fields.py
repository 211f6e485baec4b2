"""Values of Odoo's events that are checked and stay the text that they are."""

import re
from datetime import date, datetime
from typing import Any

from marshmallow import ValidationError, fields

_MONEY = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,6})?", re.ASCII)
_SECOND = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)


class Money(fields.Field[str]):
    """A decimal amount as text; it stays text."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        if not isinstance(value, str) or not _MONEY.fullmatch(value):
            raise ValidationError("is not a decimal amount as text")
        return value


class Day(fields.Field[str]):
    """``2026-01-31``; it stays text."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        try:
            if len(value) != len("2026-01-31"):
                raise ValueError(value)
            date.fromisoformat(value)
        except (TypeError, ValueError) as error:
            raise ValidationError("is not a date, such as 2026-01-31") from error
        return str(value)


class Second(fields.Field[str]):
    """``2026-01-31T05:00:00Z``; it stays text."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        try:
            if not _SECOND.fullmatch(value):
                raise ValueError(value)
            datetime.fromisoformat(value)
        except (TypeError, ValueError) as error:
            raise ValidationError("is not an instant in UTC, to the second") from error
        return str(value)
