"""An invoice's lines as fees, which is what Lago calls them: pure functions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Context, Decimal
from typing import Final
from uuid import UUID, uuid5

from ledger.billed_names import BilledNames
from ledger.money import to_cents
from schemas.odoo_invoices import PAID_STATES, Invoice, InvoiceLine

_UNIT_PRICE: Final = Context(prec=28)


@dataclass(frozen=True)
class FeeItem:
    """What a fee is for: a metric, a subscription's plan, or another product."""

    type: str
    code: str | None
    name: str
    invoice_display_name: str | None
    lago_item_id: UUID | None
    item_type: str


@dataclass(frozen=True)
class Fee:
    """One line. Instants are those of the period, the end its last second.

    ``taxes_rate`` in percent; what is of taxes is None where Odoo's addon is too old to
    tell it.
    """

    lago_id: UUID
    lago_charge_id: UUID | None
    lago_invoice_id: UUID
    lago_subscription_id: UUID | None
    external_subscription_id: str | None
    lago_customer_id: UUID | None
    external_customer_id: str | None
    item: FeeItem
    currency: str
    amount: Decimal
    tax: Decimal | None
    taxes_rate: Decimal | None
    units: Decimal
    unit_price: Decimal
    description: str
    payment_status: str
    created_at: datetime | None
    from_datetime: datetime | None
    to_datetime: datetime | None

    @property
    def amount_cents(self) -> int:
        """Before taxes."""
        return to_cents(self.amount, self.currency)

    @property
    def taxes_amount_cents(self) -> int | None:
        """All its taxes."""
        return None if self.tax is None else to_cents(self.tax, self.currency)

    @property
    def total_amount_cents(self) -> int:
        """With its taxes, as far as they are told."""
        return self.amount_cents + (self.taxes_amount_cents or 0)


def payment_status(invoice: Invoice) -> str:
    """``succeeded``: nothing is left to pay; else ``pending``. As events say it."""
    return "succeeded" if invoice.payment_state in PAID_STATES else "pending"


def fees_of(invoice: Invoice, public_id: UUID, names: BilledNames) -> tuple[Fee, ...]:
    """The invoice's lines, in their order; the same line has the same id every time."""
    return tuple(
        _fee(invoice, public_id, index, line, names)
        for index, line in enumerate(invoice.lines)
    )


def _fee(
    invoice: Invoice, public_id: UUID, index: int, line: InvoiceLine, names: BilledNames
) -> Fee:
    subscription = names.subscriptions.get(line.subscription or "")
    charge = names.charges.get((line.subscription or "", line.metric or ""))
    customer = subscription.customer if subscription else None
    customer_id = subscription.customer_id if subscription else None
    if subscription is None and len(invoice.customers) == 1:
        customer = invoice.customers[0]
        known = names.customers.get(customer)
        customer_id = known.public_id if known else None
    units = line.quantity if line.units is None else line.units
    end = line.period_end
    return Fee(
        lago_id=uuid5(public_id, f"line {index if line.id is None else line.id}"),
        lago_charge_id=charge.id if charge else None,
        lago_invoice_id=public_id,
        lago_subscription_id=subscription.id if subscription else None,
        external_subscription_id=line.subscription,
        lago_customer_id=customer_id,
        external_customer_id=customer,
        item=_item(line, names),
        currency=invoice.currency,
        amount=line.amount,
        tax=line.tax,
        taxes_rate=line.tax_rate,
        units=units,
        unit_price=_UNIT_PRICE.divide(line.amount, units) if units else Decimal(0),
        description=line.description,
        payment_status=payment_status(invoice),
        created_at=invoice.created_at,
        from_datetime=line.period_start,
        to_datetime=None if end is None else end - timedelta(seconds=1),
    )


def _item(line: InvoiceLine, names: BilledNames) -> FeeItem:
    first_words = line.description.partition("\n")[0]
    subscription = names.subscriptions.get(line.subscription or "")
    if line.metric is not None:
        metric = names.metrics.get(line.metric)
        charge = names.charges.get((line.subscription or "", line.metric))
        name = metric.name if metric else line.metric
        return FeeItem(
            type="charge",
            code=line.metric,
            name=name,
            invoice_display_name=(charge and charge.display_name) or name,
            lago_item_id=metric.id if metric else None,
            item_type="BillableMetric",
        )
    if line.subscription is not None:
        return FeeItem(
            type="subscription",
            code=subscription.plan_code if subscription else line.product_code,
            name=subscription.plan_name if subscription else first_words,
            invoice_display_name=line.product or first_words,
            lago_item_id=subscription.id if subscription else None,
            item_type="Subscription",
        )
    name = line.product or first_words
    return FeeItem("add_on", line.product_code, name, name, None, "AddOn")
