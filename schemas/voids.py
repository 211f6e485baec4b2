"""Taking a counter back: what ``POST /usage/{transaction_id}/void`` takes, and answers.

Errors are as in ``schemas.usage``.
"""

from marshmallow import Schema, fields

from schemas.usage import StrictSchema, Text


class VoidOrderSchema(StrictSchema):
    """What names the counter besides its transaction id, and why it is taken back."""

    external_subscription_id = Text(required=True)
    code = Text(required=True, metadata={"description": "The metric's code."})
    reason = Text(metadata={"description": "Kept with the void."})


class VoidRequestSchema(StrictSchema):
    """A person's order about one counter."""

    void = fields.Nested(VoidOrderSchema, required=True)


class VoidPeriodSchema(Schema):
    """A billing period."""

    start = fields.String(required=True, data_key="from")
    last_second = fields.String(
        required=True,
        data_key="to",
        allow_none=True,
        metadata={
            "description": "Its last second; null when the subscription's periods were "
            "moved since."
        },
    )


class VoidSchema(Schema):
    """A counter as it was, and what became of it; one of value and values is there."""

    transaction_id = fields.String(required=True)
    external_subscription_id = fields.String(required=True)
    code = fields.String(required=True)
    timestamp = fields.String(required=True)
    value = fields.String(metadata={"description": "A decimal number, exact."})
    members = fields.List(fields.String(), data_key="values")
    batch_id = fields.UUID(
        required=True, metadata={"description": "The batch that brought it."}
    )
    voided_at = fields.String(required=True)
    voided_by = fields.String(
        required=True, metadata={"description": "The prefix of the key that did it."}
    )
    reason = fields.String(required=True, allow_none=True)
    period = fields.Nested(
        VoidPeriodSchema,
        required=True,
        metadata={"description": "The one that the counter was used in."},
    )
    is_correction = fields.Boolean(
        required=True,
        metadata={
            "description": "Its period was frozen: the difference is a correction in "
            "the bill of the period billed_in."
        },
    )
    billed_in = fields.Nested(
        VoidPeriodSchema,
        required=True,
        metadata={"description": "The one whose bill has changed."},
    )


class VoidAnswerSchema(Schema):
    """200 of a void, and of every repeat of it."""

    void = fields.Nested(VoidSchema, required=True)
