"""Webhook endpoints as Lago's clients write and read them; ``body_style`` and
``enabled`` are ours, and the secret, which each endpoint has of its own."""

from typing import Any, Final

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from schemas.answers import MetaSchema
from schemas.catalog_fields import Text
from schemas.webhook_types import ALL_TYPES, KNOWN_TYPES

MAX_ENDPOINTS: Final = 10
SIGNATURE_ALGOS: Final = ("jwt", "hmac")
BODY_STYLES: Final = ("lago", "standard")


class EventTypes(fields.Field[tuple[str, ...]]):
    """Known types; loads sorted, and as () for all of them, which ``["*"]`` means."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise ValidationError("value_is_invalid: must be a list of strings")
        if not value:
            raise ValidationError(
                "value_is_invalid: name at least one type, or leave the field out"
            )
        if ALL_TYPES in value:
            return ()
        unknown = sorted(set(value) - KNOWN_TYPES)
        if unknown:
            raise ValidationError(
                "value_is_invalid: has a type that does not exist; see the list of "
                "types in docs/moving-from-lago.md"
            )
        return tuple(sorted(set(value)))


def _one_of(values: tuple[str, ...]) -> fields.String:
    error = f"value_is_invalid: must be one of {', '.join(values)}"
    return fields.String(
        validate=validate.OneOf(values, error=error),
        error_messages={"invalid": error},
    )


class EndpointChangeSchema(Schema):
    """What PUT may change; what is left out stays."""

    class Meta:
        """Lago passes over what it does not know."""

        unknown = EXCLUDE

    webhook_url = fields.String(
        error_messages={"invalid": "url_invalid: must be a string"},
        metadata={"description": "https:// to a public host."},
    )
    signature_algo = _one_of(SIGNATURE_ALGOS)
    name = Text()
    event_types = EventTypes(
        metadata={
            "type": "array",
            "items": {"type": "string"},
            "description": 'Left out, or ["*"]: every type.',
        }
    )
    body_style = _one_of(BODY_STYLES)


class NewEndpointSchema(EndpointChangeSchema):
    """What POST makes an endpoint of."""

    webhook_url = fields.String(
        required=True,
        error_messages={
            "required": "value_is_mandatory",
            "invalid": "url_invalid: must be a string",
        },
        metadata={"description": "https:// to a public host."},
    )


class EndpointChangeBodySchema(Schema):
    """The body of PUT."""

    webhook_endpoint = fields.Nested(EndpointChangeSchema, required=True)


class NewEndpointBodySchema(Schema):
    """The body of POST."""

    webhook_endpoint = fields.Nested(NewEndpointSchema, required=True)


class EndpointSchema(Schema):
    """An endpoint as it is shown; ``event_types`` null: every type."""

    lago_id = fields.UUID(required=True)
    lago_organization_id = fields.UUID(required=True)
    webhook_url = fields.String(required=True)
    signature_algo = fields.String(required=True)
    name = fields.String(required=True, allow_none=True)
    event_types = fields.List(fields.String(), required=True, allow_none=True)
    created_at = fields.String(required=True)
    body_style = fields.String(required=True)
    enabled = fields.Boolean(required=True)
    disabled_reason = fields.String(required=True, allow_none=True)


class EndpointWithSecretSchema(EndpointSchema):
    """An endpoint with its secret, which is shown this once."""

    secret = fields.String(required=True)


class EndpointAnswerSchema(Schema):
    """200 of one endpoint."""

    webhook_endpoint = fields.Nested(EndpointSchema, required=True)


class EndpointSecretAnswerSchema(Schema):
    """200 of a new endpoint, or of a new secret."""

    webhook_endpoint = fields.Nested(EndpointWithSecretSchema, required=True)


class EndpointsAnswerSchema(Schema):
    """200 of a list."""

    webhook_endpoints = fields.List(fields.Nested(EndpointSchema), required=True)
    meta = fields.Nested(MetaSchema, required=True)
