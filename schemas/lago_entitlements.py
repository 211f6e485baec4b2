"""Lago's entitlements of a subscription, as its clients send and read them."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields

from schemas.lago_fields import Answered
from schemas.texts import TextInvalid, check_text

MAX_WHOLE: Final = 10**15
MAX_GIVEN: Final = 200
"""Features of a request, and privileges of a feature."""
NO_VALUE: Final = "value_is_invalid: must be a text, a whole number or a boolean"


class Privileges(fields.Field[dict[str, Any]]):
    """``{code: value}`` of one feature."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        _check_codes(value)
        return {code: _checked(part) for code, part in value.items()}


class Features(fields.Field[dict[str, Any]]):
    """``{feature: {privilege: value}}``."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        _check_codes(value)
        one, errors, features = Privileges(), {}, {}
        for code, part in value.items():
            try:
                features[code] = one.deserialize(part)
            except ValidationError as error:
                errors[code] = error.messages
        if errors:
            raise ValidationError(errors)
        return features


class EntitlementsRequestSchema(Schema):
    """The body of a PATCH."""

    entitlements = Features(
        required=True,
        metadata={"type": "object", "description": "Values by privilege, by feature."},
    )


class PrivilegeSchema(Answered):
    """One privilege of a feature."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    value_type = fields.String(required=True)
    value = fields.Raw(required=True)
    plan_value = fields.Raw(required=True)
    override_value = fields.Raw(required=True)
    config = fields.Dict(required=True)


class EntitlementSchema(Answered):
    """A feature that the subscription has."""

    code = fields.String(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    privileges = fields.List(fields.Nested(PrivilegeSchema), required=True)
    overrides = fields.Dict(required=True)


class EntitlementsAnswerSchema(Schema):
    """All that a subscription may do."""

    entitlements = fields.List(fields.Nested(EntitlementSchema), required=True)


def _check_codes(value: Any) -> None:
    if not isinstance(value, Mapping):
        raise ValidationError("value_is_invalid: must be an object")
    if len(value) > MAX_GIVEN:
        raise ValidationError(f"value_is_invalid: has more than {MAX_GIVEN} entries")
    for code in value:
        try:
            check_text(code)
        except TextInvalid as error:
            raise ValidationError(str(error)) from error


def _checked(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and -MAX_WHOLE < value < MAX_WHOLE:
        return value
    if not isinstance(value, str):
        raise ValidationError(NO_VALUE)
    try:
        return check_text(value) if value else value
    except TextInvalid as error:
        raise ValidationError(str(error)) from error
