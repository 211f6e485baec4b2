"""Odoo's lifecycle events: the rows that ``fetch_events`` of the addon answers, and
what each type of event tells an app.

A payload is ``{object: {...}}``. Values are plain JSON: money is text in the currency
and, as ``…_cents``, an integer of its smallest unit; dates and instants are ISO 8601.
Fields that a newer addon adds are passed over, so that no app is told what is not
written down here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate

from schemas.catalog_fields import OdooInstant
from schemas.odoo_event_fields import Day, Money, Second

MAX_KEY: Final = 255


def _text(**more: Any) -> fields.String:
    """A text that must be there, and not be empty."""
    return fields.String(required=True, validate=validate.Length(min=1), **more)


def _one_of(*values: str) -> fields.String:
    return fields.String(required=True, validate=validate.OneOf(values))


def _cents() -> fields.Integer:
    return fields.Integer(required=True, strict=True)


def _optional_text() -> fields.String:
    return fields.String(load_default=None, allow_none=True)


class _Told(Schema):
    """Something that an app is told."""

    class Meta:
        unknown = EXCLUDE


class PayerSchema(_Told):
    """Whose bill it is; ``external_id`` is null for a client without account link."""

    external_id = _optional_text()
    name = _optional_text()
    email = _optional_text()


class BilledSchema(_Told):
    """A subscription that a bill has lines of."""

    external_id = _text()
    external_customer_id = _optional_text()
    plan_code = _optional_text()


class BillSchema(_Told):
    """What invoices and credit notes have in common."""

    lago_id = fields.UUID(required=True)
    number = _text()
    status = _one_of("finalized", "voided")
    issuing_date = Day(load_default=None, allow_none=True)
    currency = fields.String(required=True, validate=validate.Regexp(r"^[A-Z]{3}\Z"))
    sub_total_excluding_taxes_amount = Money(required=True)
    sub_total_excluding_taxes_amount_cents = _cents()
    taxes_amount = Money(required=True)
    taxes_amount_cents = _cents()
    total_amount = Money(required=True)
    total_amount_cents = _cents()
    customer = fields.Nested(PayerSchema, required=True)
    subscriptions = fields.List(fields.Nested(BilledSchema), required=True)
    updated_at = Second(required=True)


class InvoiceSchema(BillSchema):
    """``payment_status``: succeeded, nothing is left to pay; or pending.

    ``payment_state`` is Odoo's own word, finer: partial, in_payment, reversed, …
    """

    invoice_type = _one_of("subscription")
    payment_status = _one_of("pending", "succeeded", "failed")
    payment_state = _text()
    payment_due_date = Day(load_default=None, allow_none=True)
    payment_overdue = fields.Boolean(required=True, truthy={True}, falsy={False})
    sub_total_including_taxes_amount = Money(required=True)
    sub_total_including_taxes_amount_cents = _cents()
    total_paid_amount = Money(required=True)
    total_paid_amount_cents = _cents()
    total_due_amount = Money(required=True)
    total_due_amount_cents = _cents()
    period_start = Second(load_default=None, allow_none=True)
    period_end = Second(load_default=None, allow_none=True)


class CreditNoteSchema(BillSchema):
    """``balance``: what has not been set off against an invoice, nor paid back."""

    lago_invoice_id = fields.UUID(load_default=None, allow_none=True)
    invoice_number = _optional_text()
    balance_amount = Money(required=True)
    balance_amount_cents = _cents()


class SubscriptionEventSchema(_Told):
    """A subscription as it is; ``previous_plan_code``: when this changed the plan."""

    external_id = _text()
    external_customer_id = _optional_text()
    plan_code = _optional_text()
    previous_plan_code = _optional_text()
    status = _one_of("pending", "active", "terminated")
    billing_time = _optional_text()
    timezone = _optional_text()
    started_at = Second(load_default=None, allow_none=True)
    ending_at = Second(load_default=None, allow_none=True)
    terminated_at = Second(load_default=None, allow_none=True)
    updated_at = Second(required=True)


class CustomerEventSchema(_Told):
    """A customer as the client behind it is now."""

    external_id = _text()
    name = _optional_text()
    email = _optional_text()
    phone = _optional_text()
    address_line1 = _optional_text()
    address_line2 = _optional_text()
    city = _optional_text()
    zipcode = _optional_text()
    state = _optional_text()
    country = _optional_text()
    tax_identification_number = _optional_text()
    customer_type = _one_of("company", "individual")
    document_locale = _optional_text()
    updated_at = Second(required=True)


class _RowSchema(_Told):
    """A row of ``fetch_events``, its payload still text."""

    key = fields.String(required=True, validate=validate.Length(1, MAX_KEY))
    service = _text()
    event = _text()
    payload = fields.String(required=True)
    created_at = OdooInstant(required=True)


_INVOICE: Final = ("invoice", InvoiceSchema())
_CREDIT_NOTE: Final = ("credit_note", CreditNoteSchema())
_SUBSCRIPTION: Final = ("subscription", SubscriptionEventSchema())

EVENTS: Final[Mapping[str, tuple[str, Schema]]] = {
    "invoice.created": _INVOICE,
    "invoice.payment_status_updated": _INVOICE,
    "invoice.payment_overdue": _INVOICE,
    "invoice.voided": _INVOICE,
    "credit_note.created": _CREDIT_NOTE,
    "credit_note.voided": _CREDIT_NOTE,
    "subscription.started": _SUBSCRIPTION,
    "subscription.updated": _SUBSCRIPTION,
    "subscription.terminated": _SUBSCRIPTION,
    "customer.updated": ("customer", CustomerEventSchema()),
}
"""What each type tells: the name of its object, and the object's shape."""


@dataclass(frozen=True)
class EventRow:
    """A checked event; ``data`` is ``{object: {...}}`` as an app is told it.

    ``row``: of a bill as export_catalog has it, still unchecked; an older addon's has
    none.
    """

    key: str
    service: str
    type: str
    data: Mapping[str, Any]
    created_at: datetime
    row: Mapping[str, Any] | None = None


def read_event(row: Any) -> EventRow:
    """A row that ``fetch_events`` answered. Raises marshmallow's ValidationError."""
    found = _RowSchema().load(row)
    if found["event"] not in EVENTS:
        raise ValidationError(f"unknown type {found['event']!r}", "event")
    name, schema = EVENTS[found["event"]]
    try:
        payload = json.loads(found["payload"])
    except ValueError as error:
        raise ValidationError(f"is no JSON: {error}", "payload") from error
    if not isinstance(payload, Mapping) or name not in payload:
        raise ValidationError(f"has no {name}", "payload")
    try:
        told = schema.load(payload[name])
    except ValidationError as error:
        raise ValidationError({f"payload.{name}": error.messages}) from error
    data, bill = {name: schema.dump(told)}, payload[name].get("row")
    return EventRow(
        key=found["key"],
        service=found["service"],
        type=found["event"],
        data=data,
        created_at=found["created_at"],
        row=bill if isinstance(bill, Mapping) else None,
    )
