"""What apps say and are told about a subscription's usage in its whole life."""

from typing import Final

from marshmallow import Schema, fields

from schemas.catalog_fields import Whole
from schemas.lago_catalog_fields import LagoSchema
from schemas.lago_values import Instant, Rate

MAX_HISTORICAL_CENTS: Final = 10**15


class LifetimeUsageInputSchema(LagoSchema):
    """What an app says."""

    external_historical_usage_amount_cents = Whole(
        0,
        MAX_HISTORICAL_CENTS,
        required=True,
        metadata={
            "type": "integer",
            "minimum": 0,
            "maximum": MAX_HISTORICAL_CENTS,
            "description": "What was used elsewhere before; it is never billed.",
        },
    )


class LifetimeUsageRequestSchema(Schema):
    """The body that says it."""

    lifetime_usage = fields.Nested(LifetimeUsageInputSchema, required=True)


class ThresholdProgressSchema(Schema):
    """A threshold of the plan, and how much of it the running period has used."""

    amount_cents = fields.Integer(required=True)
    completion_ratio = Rate(
        required=True, metadata={"type": "number", "minimum": 0, "maximum": 1}
    )
    reached_at = Instant(required=True, metadata={"type": ["string", "null"]})


class LifetimeUsageSchema(Schema):
    """In the currency of the subscription's plan; before tax."""

    lago_id = fields.UUID(required=True)
    lago_subscription_id = fields.UUID(required=True)
    external_subscription_id = fields.String(required=True)
    external_historical_usage_amount_cents = fields.Integer(required=True)
    invoiced_usage_amount_cents = fields.Integer(
        required=True, metadata={"description": "Of frozen periods, as billed."}
    )
    current_usage_amount_cents = fields.Integer(
        required=True,
        metadata={"description": "Of periods that are not frozen yet."},
    )
    from_datetime = Instant(required=True, metadata={"type": "string"})
    to_datetime = Instant(required=True, metadata={"type": "string"})
    usage_thresholds = fields.List(
        fields.Nested(ThresholdProgressSchema), required=True
    )


class LifetimeUsageAnswerSchema(Schema):
    """200 of lifetime usage."""

    lifetime_usage = fields.Nested(LifetimeUsageSchema, required=True)
