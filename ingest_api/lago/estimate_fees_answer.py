"""An estimated fee in the shape that Lago's clients read."""

from typing import Any

from ingest_api.lago.charge_properties import number_text
from ingest_api.usage_answer import instant_text, last_second
from ingest_api.usage_parts import units_text
from ledger.estimating import Estimate
from ledger.money import to_cents
from ledger.rating import Slot
from ledger.usage import ChargeUsage


def fee_answer(estimate: Estimate, subscription: str) -> dict[str, Any]:
    """The fee that an event would add to."""
    charge, usage, slot = estimate.charge, estimate.usage, estimate.slot
    cents = to_cents(estimate.amount, usage.currency)
    return {
        "lago_id": None,
        "lago_charge_id": charge.charge_id,
        "lago_charge_filter_id": slot.filter_id if slot else None,
        "lago_invoice_id": None,
        "external_subscription_id": subscription,
        "lago_customer_id": estimate.customer_id,
        "external_customer_id": estimate.customer,
        "item": _item(charge, slot),
        "pay_in_advance": False,
        "invoiceable": True,
        "amount_cents": cents,
        "amount_currency": usage.currency,
        "precise_amount": number_text(estimate.amount),
        "taxes_amount_cents": 0,
        "taxes_rate": 0,
        "total_amount_cents": cents,
        "total_amount_currency": usage.currency,
        "units": units_text(estimate.units),
        "total_aggregated_units": units_text(charge.rating.units),
        "events_count": 1,
        "payment_status": "pending",
        "from_date": instant_text(usage.period.start),
        "to_date": last_second(usage.period.end),
    }


def _item(charge: ChargeUsage, slot: Slot | None) -> dict[str, Any]:
    """What the fee is for. Lago's client takes texts alone as groups: a property that
    is not there is left out."""
    shown = charge.charge.display_name if charge.charge else ""
    filters = charge.charge.filters if charge.charge else ()
    taken = next((f for f in filters if slot and f.id == slot.filter_id), None)
    group = slot.group if slot else {}
    return {
        "type": "charge",
        "code": charge.metric_code,
        "name": charge.metric_name,
        "invoice_display_name": shown or charge.metric_name,
        "filter_invoice_display_name": taken.name or None if taken else None,
        "filters": {k: list(v) for k, v in taken.values.items()} if taken else None,
        "lago_item_id": charge.metric_id,
        "item_type": "BillableMetric",
        "grouped_by": {key: value for key, value in group.items() if value is not None},
    }
