"""The bodies that the API answers with. Errors have Lago's shape."""

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


def _count(description: str | None = None) -> fields.Integer:
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

    index = _count("Place in the batch, from 0.")
    errors = fields.Dict(
        keys=fields.String(), values=fields.List(fields.String()), required=True
    )


class AcceptedBatchSchema(Schema):
    """What became of a pushed batch at the door."""

    id = fields.UUID(required=True)
    received = _count("Items in the batch.")
    accepted = _count("Items that are on their way to the ledger, stored on disk.")
    rejected = fields.List(fields.Nested(RejectedItemSchema), required=True)


class AcceptedSchema(Schema):
    """202 of a push."""

    batch = fields.Nested(AcceptedBatchSchema, required=True)


class OutcomesSchema(Schema):
    """How many items had each outcome; all zero until the batch is done."""

    applied = _count()
    duplicate = _count()
    conflict = _count()
    rejected = _count()
    parked = _count()


class ItemSchema(Schema):
    """One item of a batch and what became of it."""

    index = _count("Place in the batch, from 0.")
    transaction_id = fields.String(required=True, allow_none=True)
    outcome = fields.String(required=True, validate=validate.OneOf(OUTCOMES))
    reason = fields.String(required=True, allow_none=True)


class BatchSchema(Schema):
    """A batch's receipt with one page of its items."""

    id = fields.UUID(required=True)
    state = fields.String(required=True, validate=validate.OneOf(BATCH_STATES))
    received = _count("Items in the batch.")
    outcomes = fields.Nested(OutcomesSchema, required=True)
    items = fields.List(fields.Nested(ItemSchema), required=True)


class MetaSchema(Schema):
    """Where in a list this page is."""

    current_page = fields.Integer(required=True)
    next_page = fields.Integer(required=True, allow_none=True)
    prev_page = fields.Integer(required=True, allow_none=True)
    total_pages = _count()
    total_count = _count()


class BatchAnswerSchema(Schema):
    """200 of a look at a batch."""

    batch = fields.Nested(BatchSchema, required=True)
    meta = fields.Nested(MetaSchema, required=True)


class BatchQuerySchema(Schema):
    """Which items of a batch to show."""

    page = fields.Integer(
        load_default=1,
        validate=validate.Range(
            1, MAX_PAGE, error=f"value_is_invalid: must be 1 to {MAX_PAGE}"
        ),
        error_messages={"invalid": "value_is_invalid: must be a whole number"},
    )
    per_page = fields.Integer(
        load_default=DEFAULT_PER_PAGE,
        validate=validate.Range(
            1, MAX_PER_PAGE, error=f"value_is_invalid: must be 1 to {MAX_PER_PAGE}"
        ),
        error_messages={"invalid": "value_is_invalid: must be a whole number"},
    )
    outcome = fields.String(
        validate=validate.OneOf(
            OUTCOMES, error="value_is_invalid: must be one of {choices}"
        ),
    )


class UsageChargeSchema(Schema):
    """A charge, named."""

    lago_id = fields.UUID(required=True)
    charge_model = fields.String(required=True)
    code = fields.String(required=True)
    invoice_display_name = fields.String(required=True, allow_none=True)


class UsageMetricSchema(Schema):
    """A metric, named."""

    lago_id = fields.UUID(required=True)
    name = fields.String(required=True)
    code = fields.String(required=True)
    aggregation_type = fields.String(required=True)


class ChargeUsageSchema(Schema):
    """What one charge comes to in the open period."""

    units = fields.String(required=True, metadata={"description": "Such as `4.0`."})
    total_aggregated_units = fields.String(required=True)
    events_count = _count("Counters folded.")
    amount_cents = fields.Integer(required=True)
    amount_currency = fields.String(required=True)
    charge = fields.Nested(UsageChargeSchema, required=True)
    billable_metric = fields.Nested(UsageMetricSchema, required=True)
    filters = fields.List(fields.Dict(), required=True)
    grouped_usage = fields.List(fields.Dict(), required=True)


class CustomerUsageSchema(Schema):
    """The open period of a subscription, rated; before tax, which Odoo adds."""

    from_datetime = fields.String(required=True)
    to_datetime = fields.String(
        required=True, metadata={"description": "The period's last second."}
    )
    issuing_date = fields.Date(required=True)
    lago_invoice_id = fields.String(required=True, allow_none=True)
    currency = fields.String(required=True)
    amount_cents = fields.Integer(required=True)
    taxes_amount_cents = fields.Integer(required=True)
    total_amount_cents = fields.Integer(required=True)
    charges_usage = fields.List(fields.Nested(ChargeUsageSchema), required=True)


class CustomerUsageAnswerSchema(Schema):
    """200 of current usage."""

    customer_usage = fields.Nested(CustomerUsageSchema, required=True)


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
