"""Plans and their charges in the shape that Lago's clients read."""

from typing import Any

from ingest_api.lago.charge_properties import show_properties
from ingest_api.usage_answer import instant_text
from ledger.catalog_pages import PlanEntry, ThresholdEntry
from ledger.charge_entries import ChargeEntry, FilterEntry
from ledger.money import to_cents


def plan_answer(plan: PlanEntry) -> dict[str, Any]:
    """One plan with its charges."""
    return {
        "lago_id": plan.public_id,
        "name": plan.name,
        "invoice_display_name": None,
        "created_at": instant_text(plan.created_at),
        "code": plan.code,
        "interval": plan.interval,
        "description": plan.description,
        "amount_cents": to_cents(plan.price, plan.currency),
        "amount_currency": plan.currency,
        "trial_period": 0,
        "pay_in_advance": False,
        "bill_charges_monthly": False,
        "bill_fixed_charges_monthly": False,
        "charges": [charge_answer(plan, charge) for charge in plan.charges],
        "fixed_charges": [],
        "minimum_commitment": None,
        "usage_thresholds": [
            _threshold(each, plan.currency) for each in plan.usage_thresholds
        ],
        "taxes": [],
        "metadata": {},
    }


def charge_answer(plan: PlanEntry, charge: ChargeEntry) -> dict[str, Any]:
    """One charge of the plan; its code is its metric's, as a plan has one of each."""
    return {
        "lago_id": charge.public_id,
        "lago_billable_metric_id": charge.metric_id,
        "billable_metric_code": charge.metric_code,
        "code": charge.metric_code,
        "created_at": instant_text(plan.created_at),
        "charge_model": charge.model,
        "pay_in_advance": False,
        "prorated": False,
        "invoiceable": True,
        "regroup_paid_fees": None,
        "invoice_display_name": charge.display_name or None,
        "min_amount_cents": to_cents(charge.minimum, plan.currency),
        "properties": show_properties(charge.model, charge.price),
        "filters": [_filter(charge.model, each) for each in charge.filters],
        "taxes": [],
    }


def _filter(model: str, found: FilterEntry) -> dict[str, Any]:
    return {
        "lago_id": found.id,
        "invoice_display_name": found.name or None,
        "properties": show_properties(model, found.price),
        "values": {key: list(values) for key, values in found.values.items()},
    }


def _threshold(found: ThresholdEntry, currency: str) -> dict[str, Any]:
    return {
        "lago_id": found.id,
        "amount_cents": to_cents(found.amount, currency),
        "recurring": found.recurring,
        "threshold_display_name": found.name or None,
    }
