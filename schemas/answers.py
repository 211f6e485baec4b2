"""The bodies that the API answers with. Errors have Lago's shape."""

import re
from typing import Any, Final

from marshmallow import Schema, fields, validate

BATCH_STATES: Final = ("queued", "processing", "done", "dead")
OUTCOMES: Final = ("applied", "duplicate", "conflict", "rejected", "parked")
HEALTH_STATES: Final = ("ok", "unavailable")
MAX_PER_PAGE: Final = 1000
DEFAULT_PER_PAGE: Final = 100
MAX_PAGE: Final = 1_000_000


class _Json(fields.Raw):
    """A value as it is; its description in the document is in its metadata."""


def count_field(description: str | None = None) -> fields.Integer:
    """A whole number from 0."""
    metadata: dict[str, Any] = {"description": description} if description else {}
    return fields.Integer(
        required=True, validate=validate.Range(min=0), metadata=metadata
    )


class ErrorSchema(Schema):
    """An error, as Lago's clients read it."""

    status = fields.Integer(required=True)
    error = fields.String(required=True)
    code = fields.String()
    message = fields.String(metadata={"description": "What to do about it."})
    error_details = _Json(
        metadata={
            "type": "object",
            "description": "Lists of errors by field; of a batch, by item index first.",
        }
    )


class RejectedItemSchema(Schema):
    """An item that was refused at the door."""

    index = count_field("Place in the batch, from 0.")
    errors = fields.Dict(
        keys=fields.String(), values=fields.List(fields.String()), required=True
    )


class AcceptedBatchSchema(Schema):
    """What became of a pushed batch at the door."""

    id = fields.UUID(required=True)
    received = count_field("Items in the batch.")
    accepted = count_field("Items that are on their way to the ledger, stored on disk.")
    rejected = fields.List(fields.Nested(RejectedItemSchema), required=True)


class AcceptedSchema(Schema):
    """202 of a push."""

    batch = fields.Nested(AcceptedBatchSchema, required=True)


class OutcomesSchema(Schema):
    """How many items had each outcome; all zero until the batch is done."""

    applied = count_field()
    duplicate = count_field()
    conflict = count_field()
    rejected = count_field()
    parked = count_field()


class ItemSchema(Schema):
    """One item of a batch and what became of it."""

    index = count_field("Place in the batch, from 0.")
    transaction_id = fields.String(required=True, allow_none=True)
    outcome = fields.String(required=True, validate=validate.OneOf(OUTCOMES))
    reason = fields.String(required=True, allow_none=True)


class BatchSchema(Schema):
    """A batch's receipt with one page of its items."""

    id = fields.UUID(required=True)
    state = fields.String(required=True, validate=validate.OneOf(BATCH_STATES))
    received = count_field("Items in the batch.")
    outcomes = fields.Nested(OutcomesSchema, required=True)
    items = fields.List(fields.Nested(ItemSchema), required=True)


class MetaSchema(Schema):
    """Where in a list this page is."""

    current_page = fields.Integer(required=True)
    next_page = fields.Integer(required=True, allow_none=True)
    prev_page = fields.Integer(required=True, allow_none=True)
    total_pages = count_field()
    total_count = count_field()


class BatchAnswerSchema(Schema):
    """200 of a look at a batch."""

    batch = fields.Nested(BatchSchema, required=True)
    meta = fields.Nested(MetaSchema, required=True)


class Digits(fields.Integer):
    """A whole number of a query: ASCII digits alone, since int() reads more."""

    def _validated(self, value: Any) -> int:
        if not isinstance(value, str) or not re.fullmatch("[0-9]+", value):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


def _whole(greatest: int, **options: Any) -> Digits:
    """A whole number of a query, from 1."""
    error = f"value_is_invalid: must be 1 to {greatest}"
    return Digits(
        validate=validate.Range(1, greatest, error=error),
        error_messages={"invalid": "value_is_invalid: must be a whole number"},
        **options,
    )


class PageQuerySchema(Schema):
    """Which page of a list to show."""

    page = _whole(MAX_PAGE, load_default=1)
    per_page = _whole(MAX_PER_PAGE, load_default=DEFAULT_PER_PAGE)


class BatchQuerySchema(PageQuerySchema):
    """Which items of a batch to show."""

    outcome = fields.String(
        validate=validate.OneOf(
            OUTCOMES, error="value_is_invalid: must be one of {choices}"
        ),
    )


class PastUsageQuerySchema(PageQuerySchema):
    """Which frozen periods to show, and what of them."""

    periods_count = _whole(
        MAX_PAGE, metadata={"description": "Of the newest so many periods only."}
    )
    billable_metric_code = fields.String(
        metadata={
            "description": "Lines of this metric only; the period's amounts stay those "
            "of its whole bill."
        }
    )


class DependencySchema(Schema):
    """One dependency's state, as this process sees it."""

    state = fields.String(required=True, validate=validate.OneOf(HEALTH_STATES))


class DependenciesSchema(Schema):
    """All that the API leans on."""

    database = fields.Nested(DependencySchema, required=True)
    broker = fields.Nested(DependencySchema, required=True)
    odoo = fields.Nested(DependencySchema, required=True)


class HealthSchema(Schema):
    """The process is alive; degraded when a dependency is unavailable."""

    status = fields.String(required=True, validate=validate.OneOf(("ok", "degraded")))
    dependencies = fields.Nested(DependenciesSchema, required=True)
