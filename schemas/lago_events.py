"""Events: what Lago's clients send and read. An event is a counter."""

import re
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate

from schemas.answers import MetaSchema
from schemas.lago_catalog_fields import LagoSchema
from schemas.lago_fields import Answered
from schemas.timestamps import EPOCH_PATTERN
from schemas.usage import Items, Properties, Text, Timestamp

MAX_EVENTS: Final = 100

_SECONDS: Final = re.compile(EPOCH_PATTERN, re.ASCII)


class Seconds(Timestamp):
    """Seconds since 1970 as a number or numeric string; loads as microseconds."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if isinstance(value, str) and not _SECONDS.fullmatch(value):
            raise ValidationError("invalid_format: must be seconds since 1970")
        return super()._deserialize(value, *args, **kwargs)


class EventInputSchema(LagoSchema):
    """An event. Without a timestamp it is of the moment in which it arrives."""

    transaction_id = Text(
        required=True,
        metadata={
            "description": "Names the event within its subscription and metric: "
            "however often it arrives, it counts once."
        },
    )
    external_subscription_id = Text(required=True)
    code = Text(required=True, metadata={"description": "The metric's code."})
    timestamp = Seconds()
    properties = Properties(
        metadata={"description": "The value, as the metric names it, and what else."}
    )
    precise_total_amount_cents = fields.Raw(
        metadata={"description": "Not used: amounts come from the charge."}
    )


class EventRequestSchema(Schema):
    """The body of a POST."""

    event = fields.Nested(EventInputSchema, required=True)


class EventsRequestSchema(Schema):
    """The body of a batch: all of it is taken, or nothing."""

    events = Items(
        fields.Nested(EventInputSchema),
        required=True,
        validate=validate.Length(1, MAX_EVENTS),
    )


class EventSchema(Answered):
    """An event as it is answered."""

    lago_id = fields.UUID(required=True)
    transaction_id = fields.String(required=True)
    lago_customer_id = fields.UUID(required=True)
    lago_subscription_id = fields.UUID(required=True)
    external_subscription_id = fields.String(required=True)
    code = fields.String(required=True)
    timestamp = fields.String(required=True)
    precise_total_amount_cents = fields.String(required=True)
    created_at = fields.String(required=True)
    properties = fields.Dict(required=True)


class EventAnswerSchema(Schema):
    """One event."""

    event = fields.Nested(EventSchema, required=True)


class EventsAnswerSchema(Schema):
    """The events of a batch."""

    events = fields.List(fields.Nested(EventSchema), required=True)


class EventPageSchema(EventsAnswerSchema):
    """A page of events."""

    meta = fields.Nested(MetaSchema, required=True)
