"""The models of the contract: Odoo's own, and the addon's, which are here.

Constraint messages are by the name that the constraint has in ``schema.sql``.
"""

from odoo_bridge.embedded.invoices import LINE, MOVE
from odoo_bridge.embedded.models import (
    Field,
    Model,
    Registry,
    choice,
    link,
    model,
    registry,
    required,
)
from odoo_bridge.embedded.native import (
    COUNTRY,
    ORDER,
    PARAMETER,
    PARTNER,
    PRODUCT,
    STATE,
    USERS,
)

SERVICE = model(
    "fusion.billing.service",
    "Billing Service",
    {
        "code": required("Code"),
        "name": required("Name"),
        "mode": choice("Mode", "shadow", "live", default="shadow"),
    },
    order="code",
    constraints={
        "fusion_billing_service_code_uniq": "A service's code must be unique."
    },
)

ACCOUNT_LINK = model(
    "fusion.billing.account.link",
    "Billing Account Link",
    {
        "service_id": link("Service", "fusion.billing.service", required=True),
        "external_id": required("External Customer"),
        "partner_id": link("Client", "res.partner", required=True),
        "revision": Field("integer", "Revision", readonly=True),
    },
    record_name="external_id",
    constraints={
        "fusion_billing_account_link_external_uniq": (
            "An external customer id must be unique within its service."
        )
    },
)

METRIC = model(
    "fusion.billing.metric",
    "Billing Metric",
    {
        "service_id": link("Service", "fusion.billing.service", required=True),
        "code": required("Code"),
        "name": required("Name"),
        "aggregation": choice("Aggregation", "sum", "max", "last", "unique", "count"),
        "unit": Field("char", "Unit"),
        "rounding": choice(
            "Rounding", "none", "round", "ceil", "floor", default="none"
        ),
        "rounding_precision": Field(
            "integer", "Rounding Precision", required=True, default=0
        ),
        "field_name": Field("char", "Property"),
        "description": Field("text", "Description"),
        "filters": Field("text", "Filters"),
        "active": Field("boolean", "Active", default=True),
        "revision": Field("integer", "Revision", readonly=True),
    },
    constraints={
        "fusion_billing_metric_precision_check": (
            "A metric's rounding precision must be between -30 and 30, and 0 without "
            "rounding."
        ),
        "fusion_billing_metric_code_uniq": (
            "A metric's code must be unique within its service."
        ),
    },
)

PLAN = model(
    "fusion.billing.plan",
    "Billing Plan",
    {
        "service_id": link("Service", "fusion.billing.service", required=True),
        "plan_code": required("Plan Code"),
        "name": required("Name"),
        "interval": choice(
            "Interval", "weekly", "monthly", "quarterly", "semiannual", "yearly"
        ),
        "currency": required("Currency"),
        "price": Field("decimal", "Price", required=True),
        "grace_hours": Field("integer", "Grace (hours)", required=True, default=48),
        "description": Field("text", "Description"),
        "usage_thresholds": Field("text", "Usage Thresholds"),
        "active": Field("boolean", "Active", default=True),
        "revision": Field("integer", "Revision", readonly=True),
    },
    constraints={
        "fusion_billing_plan_grace_check": (
            "A plan's grace must be between 0 and 8760 hours."
        ),
        "fusion_billing_plan_code_uniq": (
            "A plan's code must be unique within its service."
        ),
        "fusion_billing_plan_price_check": "A plan's price must be a finite number.",
        "fusion_billing_plan_currency_check": (
            "A plan's currency must be three capital letters."
        ),
    },
)

CHARGE = model(
    "fusion.billing.charge",
    "Billing Charge",
    {
        "plan_id": link("Plan", "fusion.billing.plan", required=True),
        "metric_id": link("Metric", "fusion.billing.metric", required=True),
        "model": choice(
            "Model", "standard", "package", "graduated", "volume", "percentage"
        ),
        "included": Field("decimal", "Included Quantity"),
        "price": Field("decimal", "Price"),
        "package_size": Field("decimal", "Package Size"),
        "tiers": Field("text", "Tiers"),
        "minimum": Field("decimal", "Minimum"),
        "invoice_name": Field("char", "Shown As"),
        "fixed": Field("decimal", "Fixed Fee"),
        "free_events": Field("decimal", "Free Events"),
        "group_keys": Field("text", "Group Keys"),
        "filters": Field("text", "Filters"),
    },
    record_name="id",
    constraints={
        "fusion_billing_charge_metric_uniq": "A plan charges a metric once.",
        "fusion_billing_charge_numbers_check": "A charge's numbers must be finite.",
        "fusion_billing_charge_minimum_check": (
            "A charge's minimum must be a finite number of 0 or more."
        ),
        "fusion_billing_charge_events_check": (
            "A charge's fixed fee must be a finite number of 0 or more, and its free "
            "events a whole one."
        ),
    },
)

USAGE = model(
    "fusion.billing.usage",
    "Billing Usage",
    {
        "subscription_id": link("Subscription", "sale.order", required=True),
        "metric_id": link("Metric", "fusion.billing.metric", required=True),
        "service_id": link("Service", "fusion.billing.service", required=True),
        "period_start": Field("datetime", "Period Start", required=True),
        "period_end": Field("datetime", "Period End", required=True),
        "correction_of": Field("datetime", "Correction of Period"),
        "quantity": Field("decimal", "Quantity", required=True),
        "included": Field("decimal", "Included"),
        "overage": Field("decimal", "Overage"),
        "amount": Field("decimal", "Amount"),
        "currency": Field("char", "Currency"),
        "working": Field("text", "Working"),
        "revision": Field("integer", "Revision", required=True),
        "state": choice("State", "open", "frozen", default="open"),
    },
    record_name="id",
    constraints={
        "fusion_billing_usage_key_uniq": (
            "A subscription has one usage row per metric and period, and one per "
            "period corrected in it."
        ),
        "fusion_billing_usage_period_check": "The period must end after it starts.",
        "fusion_billing_usage_numbers_check": "Usage must be a finite number.",
    },
)

RECONCILIATION = model(
    "fusion.billing.reconciliation",
    "Billing Reconciliation",
    {
        "service_id": link("Service", "fusion.billing.service", required=True),
        "kind": choice("Kind", "usage", "catalog", "invoice", "dual_run"),
        "level": choice("Level", "info", "warning", "drift", "failed", default="drift"),
        "subject": required("Subject"),
        "field": Field("char", "Value of"),
        "ledger_value": Field("char", "Ledger Value"),
        "odoo_value": Field("char", "Odoo Value"),
        "usage_id": link("Usage", "fusion.billing.usage"),
        "checked_at": Field("datetime", "Checked At", required=True),
        "resolved": Field("boolean", "Resolved"),
    },
    record_name="subject",
    order="checked_at desc, id desc",
    constraints={
        "fusion_billing_reconciliation_key_uniq": "A difference is noted once."
    },
)

ALL: tuple[Model, ...] = (
    COUNTRY,
    STATE,
    PARTNER,
    USERS,
    PARAMETER,
    PRODUCT,
    ORDER,
    SERVICE,
    ACCOUNT_LINK,
    METRIC,
    PLAN,
    CHARGE,
    USAGE,
    RECONCILIATION,
    MOVE,
    LINE,
)


def contract_models() -> Registry:
    """The models of the contract, without the addon's methods."""
    return registry(*ALL)
