"""Fields that the bodies of Lago's endpoints share."""

from functools import cache
from importlib.resources import files
from typing import Any

from marshmallow import Schema, ValidationError, fields

from schemas.catalog_fields import Text
from schemas.texts import TextInvalid, check_text


class Answered(Schema):
    """An object of an answer: whatever was never given is null."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        """Every field may be null."""
        field_obj.allow_none = True


class ExternalId(fields.String):
    """What an app calls a record of its own."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        try:
            check_text(text)
        except TextInvalid as error:
            raise ValidationError(str(error)) from error
        if text != text.strip():
            raise ValidationError(
                "value_is_invalid: has blanks at its beginning or end"
            )
        return text


class Country(Text):
    """ISO 3166's two letters, in any case; "" for none."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        code = super()._deserialize(value, *args, **kwargs).upper()
        if code and code not in _countries():
            raise ValidationError("value_is_invalid: is no country's code, such as CA")
        return code


class Strict(fields.Boolean):
    """true or false, and nothing that stands for them."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("value_is_invalid: must be true or false")
        return value


@cache
def _countries() -> frozenset[str]:
    """The codes of the IANA's list, and Kosovo's, which it has not."""
    table = files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text("utf-8")
    lines = [line for line in table.splitlines() if not line.startswith("#")]
    return frozenset(line[:2] for line in lines) | {"XK"}
