"""Fields of what Lago's clients write of the catalog, refused in Lago's codes.

A text after the code, ``code: sentence``, is for people: see ingest_api.lago.wrapped.
"""

from decimal import Decimal
from typing import Any, Final

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from schemas.catalog_fields import Code, LongText, Text
from schemas.numbers import NumberInvalid, check_number, parse_number

MAX_CENTS: Final = 10**15

_NOTHING: Final[tuple[Any, ...]] = (None, False, 0, "", [], {})


class LagoSchema(Schema):
    """What is not known is passed over, as Lago does."""

    class Meta:
        """As it says."""

        unknown = EXCLUDE


class NameText(Text):
    """A line that must not be empty."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if value == "":
            raise ValidationError("value_is_mandatory: is empty")
        return super()._deserialize(value, *args, **kwargs)


class NameCode(Code):
    """A text that identifies something; must not be empty."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if value == "":
            raise ValidationError("value_is_mandatory: is empty")
        return super()._deserialize(value, *args, **kwargs)


class Lines(LongText):
    """Lines, which may end as those of a form in a browser do; kept with LF alone."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, str):
            value = value.replace("\r\n", "\n")
        return super()._deserialize(value, *args, **kwargs)


class Amount(fields.Field[Decimal]):
    """An exact number of zero or more: Lago's decimal strings, or a JSON number, which
    is never read through a float."""

    def __init__(self, code: str = "invalid_amount", **more: Any) -> None:
        super().__init__(**more)
        self._code = code

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Decimal:
        try:
            if isinstance(value, Decimal):
                number = check_number(value)
            elif isinstance(value, str | int) and not isinstance(value, bool):
                number = parse_number(str(value))
            else:
                raise NumberInvalid("is not a decimal number")
        except NumberInvalid as error:
            raise ValidationError(f"{self._code}: {error}") from error
        if number < 0:
            raise ValidationError(f"{self._code}: is less than 0")
        return number


class Only(fields.Field[None]):
    """What Lago has and we do not: nothing but its absence is taken.

    Nothing, false, 0 and empty are its absence. The sentence says what to do instead.
    """

    def __init__(self, sentence: str, absent: tuple[Any, ...] = (), **more: Any):
        super().__init__(**more)
        self._sentence = sentence
        self._absent = absent or _NOTHING

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> None:
        if value not in self._absent:
            raise ValidationError(f"value_is_invalid: {self._sentence}")


def some(most: int) -> validate.Length:
    """One at least, and no more than so many."""
    return validate.Length(1, most, error="value_is_invalid: has none, or too many")
