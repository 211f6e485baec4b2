"""An invoice as ``export_catalog`` of Odoo's addon answers it.

Amounts are exact text, of either sign, in the invoice's currency. A credit note's are
positive, as its ``move_type`` says what they mean.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from marshmallow import ValidationError, fields, post_load, validate

from schemas.catalog_fields import OdooInstant
from schemas.entry_schema import EntrySchema
from schemas.numbers import NumberInvalid, parse_number

MOVE_TYPES: Final = ("out_invoice", "out_refund")
STATES: Final = ("draft", "posted", "cancel")


@dataclass(frozen=True)
class InvoiceLine:
    """A line: quantity and amount before taxes.

    ``subscription`` and ``metric``: external codes, None where it is of neither.
    ``correction_of``: when the period began that the usage belongs to.
    """

    description: str
    quantity: Decimal
    amount: Decimal
    subscription: str | None
    metric: str | None
    period_start: datetime | None
    period_end: datetime | None
    correction_of: datetime | None


@dataclass(frozen=True)
class Invoice:
    """An invoice or credit note.

    ``customers``: external ids of those whose subscriptions are on it. ``number``: None
    until it is posted. ``residual``: what is still to pay.
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

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> InvoiceLine:
        """The checked line."""
        return InvoiceLine(**data)


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

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Invoice:
        """The checked invoice."""
        customers, lines = tuple(data["customers"]), tuple(data["lines"])
        return Invoice(**{**data, "customers": customers, "lines": lines})
