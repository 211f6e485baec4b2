"""An invoice as ``export_catalog`` of Odoo's addon answers it.

Amounts are exact text, of either sign, in the invoice's currency. A credit note's are
positive, as its ``move_type`` says what they mean.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from marshmallow import ValidationError, fields, post_load, validate

from schemas.catalog_fields import OdooInstant, Timezone
from schemas.entry_schema import EntrySchema
from schemas.numbers import NumberInvalid, parse_number

MOVE_TYPES: Final = ("out_invoice", "out_refund")
STATES: Final = ("draft", "posted", "cancel")
PAID_STATES: Final = ("paid", "in_payment", "reversed")
"""Odoo's payment states that an app is told of as paid."""


@dataclass(frozen=True)
class InvoiceLine:
    """A line: quantity and amount before taxes.

    ``subscription`` and ``metric``: external codes, None where it is of neither.
    ``correction_of``: when the period began that the usage belongs to. ``units``: of
    the usage, whose line has the quantity 1. ``tax_rate``: of all its taxes, in
    percent.
    What an older addon does not tell is None: also Odoo's ``id`` and the ``product``.
    """

    description: str
    quantity: Decimal
    amount: Decimal
    subscription: str | None
    metric: str | None
    period_start: datetime | None
    period_end: datetime | None
    correction_of: datetime | None
    id: int | None = None
    units: Decimal | None = None
    tax: Decimal | None = None
    tax_rate: Decimal | None = None
    product_code: str | None = None
    product: str | None = None


@dataclass(frozen=True)
class InvoiceTax:
    """What a tax comes to on an invoice; ``rate`` in percent, None for one without."""

    id: int
    name: str
    rate: Decimal | None
    amount: Decimal


@dataclass(frozen=True)
class Invoice:
    """An invoice or credit note.

    ``customers``: external ids of those whose subscriptions are on it. ``number``: None
    until it is posted. ``residual``: what is still to pay. ``settled``: how much of it
    credit notes have settled; of a credit note, how much it has settled of invoices.
    ``timezone``: the company's, by whose day it falls due. ``public_id``: by which apps
    know it, events too, None from an older addon; ``reversed_id`` and
    ``reversed_number``: of the invoice that a credit note is for. ``revision``: when
    Odoo wrote it last, to the microsecond.
    """

    customers: tuple[str, ...]
    number: str | None
    state: str
    payment_state: str | None
    move_type: str
    invoice_date: date | None
    due_date: date | None
    period_start: datetime | None
    period_end: datetime | None
    currency: str
    untaxed: Decimal
    tax: Decimal
    total: Decimal
    residual: Decimal
    lines: tuple[InvoiceLine, ...]
    public_id: UUID | None = None
    created_at: datetime | None = None
    posted_before: bool = False
    timezone: str = "UTC"
    settled: Decimal = Decimal(0)
    reversed_id: UUID | None = None
    reversed_number: str | None = None
    access_token: str | None = None
    taxes: tuple[InvoiceTax, ...] = ()
    revision: str = ""


class Amount(fields.Field[Decimal]):
    """An exact number of either sign, from its text; never through a float."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Decimal:
        if not isinstance(value, str):
            raise ValidationError("is not a decimal number")
        try:
            return parse_number(value)
        except NumberInvalid as error:
            raise ValidationError(str(error)) from error


class LineSchema(EntrySchema):
    """A line of the row."""

    description = fields.String(load_default="")
    quantity = Amount(required=True)
    amount = Amount(required=True)
    subscription = fields.String(load_default=None)
    metric = fields.String(load_default=None)
    period_start = OdooInstant(load_default=None)
    period_end = OdooInstant(load_default=None)
    correction_of = OdooInstant(load_default=None)
    id = fields.Integer(load_default=None)
    units = Amount(load_default=None)
    tax = Amount(load_default=None)
    tax_rate = Amount(load_default=None)
    product_code = fields.String(load_default=None)
    product = fields.String(load_default=None)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> InvoiceLine:
        """The checked line."""
        return InvoiceLine(**data)


class TaxSchema(EntrySchema):
    """A tax of the row."""

    id = fields.Integer(required=True)
    name = fields.String(load_default="")
    rate = Amount(load_default=None)
    amount = Amount(required=True)

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> InvoiceTax:
        """The checked tax."""
        return InvoiceTax(**data)


class InvoiceSchema(EntrySchema):
    """The whole row; what is absent is left out, not False."""

    customers = fields.List(fields.String(), load_default=list)
    number = fields.String(load_default=None)
    state = fields.String(required=True, validate=validate.OneOf(STATES))
    payment_state = fields.String(load_default=None)
    move_type = fields.String(required=True, validate=validate.OneOf(MOVE_TYPES))
    invoice_date = fields.Date(load_default=None)
    due_date = fields.Date(load_default=None)
    period_start = OdooInstant(load_default=None)
    period_end = OdooInstant(load_default=None)
    currency = fields.String(required=True)
    untaxed = Amount(required=True)
    tax = Amount(required=True)
    total = Amount(required=True)
    residual = Amount(required=True)
    lines = fields.List(fields.Nested(LineSchema), load_default=list)
    public_id = fields.UUID(load_default=None)
    created_at = OdooInstant(load_default=None)
    posted_before = fields.Boolean(load_default=False)
    timezone = Timezone(load_default="UTC")
    settled = Amount(load_default=Decimal(0))
    reversed_id = fields.UUID(load_default=None)
    reversed_number = fields.String(load_default=None)
    access_token = fields.String(load_default=None)
    taxes = fields.List(fields.Nested(TaxSchema), load_default=list)
    revision = fields.String(load_default="")

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Invoice:
        """The checked invoice."""
        parts = {name: tuple(data[name]) for name in ("customers", "lines", "taxes")}
        return Invoice(**{**data, **parts})
