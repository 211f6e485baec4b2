"""One condition of a domain, and what its value compares as.

By type: datetimes by the whole second (a date by the whole day), texts and numbers with
an empty value that counts as not set.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from odoo_bridge.embedded.models import Field, Model, Registry
from odoo_bridge.embedded.values import typed_decimal


@dataclass(frozen=True)
class Condition:
    """One condition on one field of one model."""

    path: str
    operator: str
    value: Any
    model: Model
    models: Registry

    def fail(self, message: str, kind: type[Exception] = ValueError) -> Exception:
        """The error, naming the condition as Odoo does."""
        shown = (self.path, self.operator, self.value)
        return kind(f"{message} in condition {shown!r}")


def comparable(c: Condition, found: Field, value: Any) -> Any:
    """The value as the column's type. Raises ValueError when it is none."""
    where = f"{c.model.name}.{c.path}"
    match found.type:
        case "integer" if c.path != "id":
            return int(value)
        case "datetime":
            return _moment(value)
        case "decimal":
            return typed_decimal(value, where)
        case "char" | "text" | "selection":
            return str(value)
        case _:
            return value


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value.replace(microsecond=0)
    if not isinstance(value, str):
        raise ValueError(f"Failed to cast {value!r} into a datetime")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError(
            f"Invalid term {value!r} in expression date: {value!r}"
        ) from error
    if moment.tzinfo is not None:
        raise ValueError(f"expecting only datetimes with no timezone: {value!r}")
    return moment.replace(microsecond=0)


def span_of(value: Any) -> timedelta:
    """How long the value lasts: a date a day, a datetime the second it names."""
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        return timedelta(seconds=1)
    return timedelta(days=1)


def is_empty(found: Field, value: Any) -> bool:
    """Whether the value asks for records where the field is not set."""
    if value is None or value is False:
        return True
    nothing = nothing_of(found)
    return nothing is not None and type(value) is type(nothing) and value == nothing


def nothing_of(found: Field) -> Any:
    """The value that counts as not set, beside NULL."""
    return {
        "char": "",
        "text": "",
        "integer": 0,
        "float": 0.0,
        "boolean": False,
    }.get(found.type)
