"""Catalog rows as they cross to and from Odoo's addon: ``apply_catalog`` and
``export_catalog`` of ``fusion.billing.service``.

Rows name things by external codes, never by ids. Exact numbers are text, instants are
Odoo's UTC text, tiers and other lists are JSON text; what is absent is False. Keys that
an older addon does not know are passed over there, and missing in what it answers.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Literal

from marshmallow import ValidationError, fields, pre_load

from schemas.catalog import (
    CustomerSchema,
    MetricSchema,
    PlanSchema,
    ServiceSchema,
    SubscriptionSchema,
)
from schemas.catalog_entries import (
    Charge,
    Customer,
    Metric,
    Plan,
    Service,
    Subscription,
)
from schemas.catalog_fields import OdooInstant
from schemas.catalog_json import (
    charge_filter_values,
    metric_filter_values,
    threshold_values,
    tier_values,
)
from schemas.charges import ChargeSchema
from schemas.messages import plain_number
from schemas.odoo_invoice_rows import InvoiceRow
from schemas.odoo_invoices import Invoice
from schemas.odoo_row import OdooRow

KINDS: Final = ("service", "metric", "plan", "customer", "subscription")
"""In the order in which they refer to each other."""
PULLED: Final = (*KINDS, "invoice")

LISTS: Final = ("tiers", "filters", "group_keys", "usage_thresholds")
"""What is JSON text in a row."""
Row = dict[str, Any]
CatalogEntry = Service | Metric | Plan | Customer | Subscription
Entry = CatalogEntry | Invoice


@lru_cache(maxsize=4096)
def odoo_time(instant: datetime) -> str:
    """``2026-01-31 05:00:00``: an aware instant as Odoo takes it, in UTC.

    Kept, because thousands of rollups share a few periods.
    """
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def service_row(service: Service) -> Row:
    """What apply_catalog takes for a service whose name and mode are decided."""
    return {"code": service.code, "name": service.name, "mode": service.mode}


def metric_row(service: str, metric: Metric) -> Row:
    """What apply_catalog takes for a metric of the service."""
    return {
        "service": service,
        "code": metric.code,
        "name": metric.name,
        "aggregation": metric.aggregation,
        "unit": metric.unit or False,
        "rounding": metric.rounding,
        "rounding_precision": metric.rounding_precision,
        "field_name": metric.field_name or False,
        "description": metric.description or False,
        "filters": _json(metric_filter_values(metric.filters)),
        "archived": metric.archived,
    }


def plan_row(service: str, plan: Plan) -> Row:
    """What apply_catalog takes for a plan; the charges replace those before."""
    return {
        "service": service,
        "code": plan.code,
        "name": plan.name,
        "interval": plan.interval,
        "currency": plan.currency,
        "price": plain_number(plan.price),
        "grace_hours": plan.grace_hours,
        "charges": [_charge_row(charge) for charge in plan.charges],
        "description": plan.description or False,
        "usage_thresholds": _json(threshold_values(plan.usage_thresholds)),
        "archived": plan.archived,
    }


def customer_row(service: str, customer: Customer) -> Row:
    """What apply_catalog takes for a customer."""
    return {
        "service": service,
        "external_id": customer.external_id,
        "name": customer.name,
        "email": customer.email or False,
    }


def subscription_row(service: str, subscription: Subscription) -> Row:
    """What apply_catalog takes for a subscription."""
    end = subscription.ended_at
    return {
        "service": service,
        "external_id": subscription.external_id,
        "customer": subscription.customer,
        "plan": subscription.plan,
        "started_at": odoo_time(subscription.started_at),
        "ended_at": odoo_time(end) if end else False,
        "timezone": subscription.timezone,
        "anchor": subscription.anchor,
    }


def read_row(kind: str, row: Any) -> tuple[str, Entry]:
    """A row that export_catalog answered, checked: its service's code and its entry.

    Fields that a newer addon adds are passed over; those that an older one lacks have
    the catalog file's defaults. Raises marshmallow's ValidationError.
    """
    entry: Entry = _SCHEMAS[kind].load(row)
    if kind == "service":
        return entry.code, entry  # type: ignore[union-attr]  # a service, by its schema
    service = row.get("service")
    if kind == "invoice" and not service:
        raise ValidationError("is none: its lines are of more than one", "service")
    if not isinstance(service, str) or not service:
        raise ValidationError("is missing", "service")
    return service, entry


def tells_newer_terms(kind: str, row: Mapping[str, Any]) -> bool:
    """Whether the addon that answered a metric or plan knows filters and thresholds.

    One before 1.2 does not: then they are not absent, but not told.
    """
    return {"metric": "filters", "plan": "usage_thresholds"}[kind] in row


def _charge_row(charge: Charge) -> Row:
    size = charge.package_size
    return {
        "metric": charge.metric,
        "model": charge.model,
        "included": plain_number(charge.included),
        "price": plain_number(charge.price),
        "package_size": plain_number(size) if size is not None else False,
        "tiers": _json(tier_values(charge.tiers)),
        "minimum": plain_number(charge.minimum),
        "display_name": charge.display_name or False,
        "fixed": plain_number(charge.fixed),
        "free_events": str(charge.free_events),
        "group_keys": _json(charge.group_keys),
        "filters": _json(charge_filter_values(charge.filters)),
    }


def _json(values: Sequence[Any]) -> str | Literal[False]:
    return json.dumps(values, ensure_ascii=False) if values else False


class _ServiceRow(OdooRow, ServiceSchema):
    pass


class _JsonRow(OdooRow):
    """Lists from their JSON text, numbers in it as written."""

    @pre_load
    def read_lists(self, data: Any, **_: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        texts = [name for name in LISTS if isinstance(data.get(name), str)]
        return {**data, **{name: _read_json(name, data[name]) for name in texts}}


class _MetricRow(_JsonRow, MetricSchema):
    pass


class _ChargeRow(_JsonRow, ChargeSchema):
    pass


class _PlanRow(_JsonRow, PlanSchema):
    charges = fields.List(fields.Nested(_ChargeRow), load_default=list)


class _CustomerRow(OdooRow, CustomerSchema):
    # Whatever Odoo keeps as an e-mail address is not for the ledger to judge.
    email = fields.String(load_default=None)  # type: ignore[assignment]  # less strict


class _SubscriptionRow(OdooRow, SubscriptionSchema):
    # Another field class than the catalog file's, of the same Python type.
    started_at = OdooInstant(required=True)  # type: ignore[assignment]  # see above
    ended_at = OdooInstant(load_default=None)  # type: ignore[assignment]  # see above


def _read_json(name: str, text: str) -> Any:
    try:
        return json.loads(text, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise ValidationError(f"are not JSON: {error}", name) from error


_SCHEMAS: Final = {
    "service": _ServiceRow(),
    "metric": _MetricRow(),
    "plan": _PlanRow(),
    "customer": _CustomerRow(),
    "subscription": _SubscriptionRow(),
    "invoice": InvoiceRow(),
}
