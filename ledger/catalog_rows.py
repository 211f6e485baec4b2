"""Rows of the catalog as the ledger writes them; ``service`` is the service's code."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from schemas.catalog import DEFAULT_GRACE_HOURS
from schemas.catalog_entries import Charge, Metric, MetricFilter, Plan, Threshold
from schemas.catalog_json import charge_filter_values, tier_values
from schemas.messages import plain_number


class CatalogRowUnknown(LookupError):
    """A row names a service, plan, metric or customer that the ledger does not have."""


@dataclass(frozen=True)
class ServiceRow:
    """A service as Odoo has it."""

    code: str
    name: str
    mode: str
    odoo_id: int


@dataclass(frozen=True)
class MetricRow:
    """A metric. ``odoo_id`` None: as it is, for a new one none.

    ``partial``: its later terms (NEWER_TERMS) were not told, and stay as they are.
    """

    service: str
    code: str
    name: str
    aggregation: str
    unit: str
    odoo_id: int | None
    rounding: str = "none"
    rounding_precision: int = 0
    field_name: str | None = None
    description: str = ""
    filters: tuple[MetricFilter, ...] = ()
    archived: bool = False
    partial: bool = False


@dataclass(frozen=True)
class ChargeRow:
    """One charge of a plan. Numbers are decimal strings; tiers are plain JSON values
    ``{"up_to": str | None, "unit_price": str, "flat_price": str}``, and so are filters:
    those of schemas.catalog_json."""

    metric: str
    model: str
    included: str
    price: str
    package_size: str | None
    tiers: tuple[dict[str, str | None], ...]
    minimum: str = "0"
    display_name: str = ""
    fixed: str = "0"
    free_events: int = 0
    group_keys: tuple[str, ...] = ()
    filters: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class PlanRow:
    """A plan with its charges. ``price``: a decimal string, per interval.

    ``odoo_id`` and ``partial`` as a MetricRow's, charges included.
    """

    service: str
    code: str
    name: str
    interval: str
    currency: str
    price: str
    charges: tuple[ChargeRow, ...]
    odoo_id: int | None
    grace_hours: int = DEFAULT_GRACE_HOURS
    description: str = ""
    usage_thresholds: tuple[Threshold, ...] = ()
    archived: bool = False
    partial: bool = False


@dataclass(frozen=True)
class CustomerRow:
    """A customer; ``odoo_id`` is the account link's."""

    service: str
    external_id: str
    name: str
    email: str | None
    odoo_id: int


@dataclass(frozen=True)
class SubscriptionRow:
    """A subscription; ``customer`` and ``plan`` are external codes; instants in UTC.

    ``odoo_id`` is the order's; None: as it is, for a new one none.
    """

    service: str
    external_id: str
    customer: str
    plan: str
    started_at: datetime
    ended_at: datetime | None
    timezone: str
    anchor: str
    odoo_id: int | None


NEWER_TERMS = {
    "metric": ("field_name", "description", "filters", "archived"),
    "plan": ("description", "usage_thresholds", "archived"),
    "charge": ("display_name", "fixed", "free_events", "group_keys", "filters"),
}
"""By kind, what addons of Odoo before 1.2 do not know."""


def metric_row_of(
    service: str, metric: Metric, odoo_id: int | None, partial: bool = False
) -> MetricRow:
    """The row that writes the metric."""
    return MetricRow(service, **vars(metric), odoo_id=odoo_id, partial=partial)


def plan_row_of(
    service: str, plan: Plan, odoo_id: int | None, partial: bool = False
) -> PlanRow:
    """The row that writes the plan."""
    values = {
        **vars(plan),
        "price": plain_number(plan.price),
        "charges": tuple(charge_row_of(charge) for charge in plan.charges),
    }
    return PlanRow(service, **values, odoo_id=odoo_id, partial=partial)


def charge_row_of(charge: Charge) -> ChargeRow:
    """The row that writes the charge."""
    size = charge.package_size
    values = {
        **vars(charge),
        "included": plain_number(charge.included),
        "price": plain_number(charge.price),
        "package_size": None if size is None else plain_number(size),
        "tiers": tuple(tier_values(charge.tiers)),
        "minimum": plain_number(charge.minimum),
        "fixed": plain_number(charge.fixed),
        "filters": tuple(charge_filter_values(charge.filters)),
    }
    return ChargeRow(**values)
