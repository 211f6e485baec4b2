"""The shape of pushed usage: what ``POST /usage`` takes, and each reason to refuse it.

An error text is a code, Lago's (``value_is_mandatory``, ``value_is_invalid``,
``invalid_format``) or ours, then a colon and a sentence. It never repeats what was
sent. Numbers arrive as int or Decimal, never as float.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from marshmallow import (
    RAISE,
    Schema,
    ValidationError,
    fields,
    pre_load,
    validate,
    validates_schema,
)

from schemas.messages import plain_number
from schemas.numbers import NumberInvalid, check_number
from schemas.properties import (
    MAX_PROPERTIES,
    MAX_PROPERTIES_BYTES,
    PropertiesInvalid,
    write_properties,
)
from schemas.texts import TextInvalid, check_text
from schemas.timestamps import TimestampInvalid, read_timestamp

MAX_COUNTERS: Final = 10_000
MAX_MEMBERS: Final = 10_000
MAX_BATCH_MEMBERS: Final = 250_000
"""In all lists of a batch. 300,000 took 6 seconds to fold on two busy cores, and all
that a body can hold, 1,170,000, up to 24: longer than a worker is given."""
MAX_FIELDS: Final = 20
"""An item with more fields is refused before they are looked at one by one."""

_MANDATORY: Final = "value_is_mandatory: is missing"
_NULL: Final = "value_is_mandatory: is null"


class ValueInvalid(ValueError):
    """A value that is neither a number within the limits nor a short string."""


def read_value(value: object) -> str:
    """A value or member as text: a string as it is, a number without an exponent.

    Raises ValueInvalid.
    """
    if isinstance(value, str):
        try:
            return check_text(value)
        except TextInvalid as error:
            raise ValueInvalid(str(error)) from error
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueInvalid("value_is_invalid: must be a number or a string")
    try:
        return plain_number(check_number(Decimal(value)))
    except NumberInvalid as error:
        raise ValueInvalid(f"value_is_invalid: {error}") from error


def read_members(values: object) -> tuple[str, ...]:
    """The members of a list as text, sorted and without repetitions.

    Raises ValueInvalid, naming the first faulty member by its place.
    """
    if not isinstance(values, list):
        raise ValueInvalid("value_is_invalid: must be a list")
    if not values:
        raise ValueInvalid("value_is_mandatory: is empty")
    if len(values) > MAX_MEMBERS:
        raise ValueInvalid(f"value_is_invalid: has more than {MAX_MEMBERS} members")
    members: set[str] = set()
    for place, value in enumerate(values):
        try:
            members.add(read_value(value))
        except ValueInvalid as error:
            code, _, sentence = str(error).partition(": ")
            raise ValueInvalid(f"{code}: member {place} {sentence}") from error
    return tuple(sorted(members))


class Text(fields.Field[str]):
    """A string that check_text lets through."""

    default_error_messages = {"required": _MANDATORY, "null": _NULL}  # noqa: RUF012 - marshmallow's own way

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError("value_is_invalid: must be a string")
        try:
            return check_text(value)
        except TextInvalid as error:
            raise ValidationError(str(error)) from error


class Timestamp(fields.Field[int]):
    """A point in time; loads as microseconds since 1970 UTC."""

    default_error_messages = {"required": _MANDATORY, "null": _NULL}  # noqa: RUF012 - marshmallow's own way

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        try:
            return read_timestamp(value)
        except TimestampInvalid as error:
            raise ValidationError(f"invalid_format: {error}") from error


class Value(fields.Field[str]):
    """A number or a string; loads as text."""

    default_error_messages = {"null": _NULL}  # noqa: RUF012 - marshmallow's own way

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        try:
            return read_value(value)
        except ValueInvalid as error:
            raise ValidationError(str(error)) from error


class Members(fields.Field[tuple[str, ...]]):
    """A list of numbers and strings; loads as a sorted tuple of distinct texts."""

    default_error_messages = {"null": _NULL}  # noqa: RUF012 - marshmallow's own way

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        try:
            return read_members(value)
        except ValueInvalid as error:
            raise ValidationError(str(error)) from error


class Properties(fields.Field[str]):
    """An object of plain values; loads as its text."""

    default_error_messages = {"null": _NULL}  # noqa: RUF012 - marshmallow's own way

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        try:
            return write_properties(value)
        except PropertiesInvalid as error:
            raise ValidationError(str(error)) from error


class StrictSchema(Schema):
    """Unknown fields are refused."""

    class Meta:
        """As it says."""

        unknown = RAISE

    error_messages = {  # noqa: RUF012 - marshmallow's own way
        "unknown": "unknown_field: is not a field of this object",
        "type": "value_is_invalid: must be an object",
    }

    @pre_load
    def _limit_fields(self, data: Any, **_: Any) -> Any:
        # Marshmallow merges one error per unknown field: quadratic in their number.
        if isinstance(data, Mapping) and len(data) > MAX_FIELDS:
            raise ValidationError(
                f"value_is_invalid: has more than {MAX_FIELDS} fields"
            )
        return data


class CounterSchema(StrictSchema):
    """One pushed aggregate. Loads into the values that a Counter is made of."""

    transaction_id = Text(
        required=True,
        metadata={
            "description": "Names the counter within its subscription and metric: "
            "however often it arrives, it counts once."
        },
    )
    external_subscription_id = Text(required=True)
    code = Text(required=True, metadata={"description": "The metric's code."})
    timestamp = Timestamp(
        required=True,
        metadata={
            "description": "ISO 8601 with an offset, or seconds since 1970 as a number "
            "or numeric string, of the years 2000 to 2099. Finer than a microsecond is "
            "cut off."
        },
    )
    value = Value(
        metadata={
            "description": "A number or decimal string of up to 30 digits before and "
            "20 after the point; for a unique metric, a member. Give value or values, "
            "or the metric finds its value among the properties."
        },
    )
    values = Members(
        metadata={"description": "For a unique metric: the members seen."},
    )
    properties = Properties(
        metadata={
            "description": "What else is known of it, by name: at most "
            f"{MAX_PROPERTIES}, and {MAX_PROPERTIES_BYTES} bytes as JSON."
        },
    )

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _require_one_value(self, _: Any, original: Any, **__: Any) -> None:
        if not isinstance(original, Mapping):
            return
        if "value" in original and "values" in original:
            raise ValidationError(
                "value_is_invalid: give either value or values, not both", "values"
            )
        if not original.keys() & {"value", "values", "properties"}:
            raise ValidationError("value_is_mandatory: give value or values", "value")


class Items(fields.List[Any]):
    """A list whose items are judged one by one later, so that good ones survive."""

    default_error_messages = {  # noqa: RUF012 - marshmallow's own way
        "required": _MANDATORY,
        "null": _NULL,
        "invalid": "value_is_invalid: must be a list",
    }

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[Any]:
        if not isinstance(value, list):
            raise self.make_error("invalid")
        return value


class UsageSchema(StrictSchema):
    """A batch of counters. Its items are left for CounterSchema."""

    counters = Items(
        fields.Nested(CounterSchema),
        required=True,
        validate=[
            validate.Length(min=1, error="no_counters: the list is empty"),
            validate.Length(
                max=MAX_COUNTERS,
                error=f"too_many_counters: a batch holds at most {MAX_COUNTERS}",
            ),
        ],
    )
