"""Lago's subscription, as its clients send and read it."""

import re
from datetime import UTC, date, datetime, time
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, validate

from schemas.answers import MetaSchema
from schemas.catalog import ANCHORS
from schemas.catalog_fields import Text
from schemas.lago_catalog_fields import LagoSchema, Only
from schemas.lago_fields import Answered, ExternalId
from schemas.timestamps import EARLIEST, LATEST

STATUSES: Final = ("pending", "active", "terminated", "canceled")

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?",
    re.ASCII,
)
_NO_OVERRIDES: Final = (
    "plans are Odoo's: a subscription with other prices needs a plan of its own there"
)


class Instant(fields.Field[datetime]):
    """ISO 8601, a date or with its time, in UTC unless it has an offset."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> datetime:
        try:
            instant = _read(value)
        except (OverflowError, ValueError) as error:
            raise ValidationError(
                "invalid_date: is no ISO 8601 date or time"
            ) from error
        if not EARLIEST <= instant < LATEST:
            raise ValidationError(
                f"invalid_date: is not in the years {EARLIEST.year} to "
                f"{LATEST.year - 1}"
            )
        return instant


class End(Instant):
    """As Instant; "" lifts the end."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return None if value == "" else super()._deserialize(value, *args, **kwargs)


class _TermsSchema(LagoSchema):
    """What may be changed of a subscription."""

    name = Text()
    subscription_at = Instant()
    ending_at = End()
    plan_overrides = Only(_NO_OVERRIDES)


class SubscriptionInputSchema(_TermsSchema):
    """What an app gives of a subscription that it makes, or changes the plan of."""

    external_id = ExternalId(required=True)
    external_customer_id = ExternalId(required=True)
    plan_code = Text(required=True)
    billing_time = fields.String(validate=validate.OneOf(ANCHORS))


class SubscriptionUpdateSchema(_TermsSchema):
    """What an app changes of a subscription."""


class SubscriptionRequestSchema(Schema):
    """The body of a POST."""

    subscription = fields.Nested(SubscriptionInputSchema, required=True)


class SubscriptionUpdateRequestSchema(Schema):
    """The body of a PUT."""

    subscription = fields.Nested(SubscriptionUpdateSchema, required=True)


class SubscriptionSchema(Answered):
    """A subscription as it is answered."""

    lago_id = fields.UUID(required=True)
    external_id = fields.String(required=True)
    lago_customer_id = fields.UUID(required=True)
    external_customer_id = fields.String(required=True)
    name = fields.String()
    plan_code = fields.String(required=True)
    plan_amount_cents = fields.Integer(required=True)
    plan_amount_currency = fields.String(required=True)
    status = fields.String(required=True)
    billing_time = fields.String(required=True)
    timezone = fields.String(required=True)
    subscription_at = fields.String(required=True)
    started_at = fields.String()
    ending_at = fields.String()
    terminated_at = fields.String()
    canceled_at = fields.String()
    trial_ended_at = fields.String()
    created_at = fields.String(required=True)
    previous_plan_code = fields.String()
    next_plan_code = fields.String()
    downgrade_plan_date = fields.String()
    current_billing_period_started_at = fields.String()
    current_billing_period_ending_at = fields.String()
    on_termination_credit_note = fields.String()
    on_termination_invoice = fields.String()


class SubscriptionAnswerSchema(Schema):
    """One subscription."""

    subscription = fields.Nested(SubscriptionSchema, required=True)


class SubscriptionsAnswerSchema(Schema):
    """A page of subscriptions."""

    subscriptions = fields.List(fields.Nested(SubscriptionSchema), required=True)
    meta = fields.Nested(MetaSchema, required=True)


def _read(value: Any) -> datetime:
    if not isinstance(value, str):
        raise ValueError("no text")
    if _DAY.fullmatch(value):
        return datetime.combine(date.fromisoformat(value), time(), tzinfo=UTC)
    if not _INSTANT.fullmatch(value):
        raise ValueError("no instant")
    instant = datetime.fromisoformat(value)
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return instant.astimezone(UTC)
