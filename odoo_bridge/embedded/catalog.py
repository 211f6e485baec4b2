"""The models of the contract: Odoo's own, cut to what is used, and the addon's.

Constraint messages are by the name that the constraint has in ``schema.sql``.
"""

from datetime import datetime

from odoo_bridge.embedded.env import Env
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


def next_order_name(env: Env) -> str:
    """The next order's name, as Odoo's sequence gives it: S00001."""
    row = env.conn.execute("SELECT nextval('sale_order_name_seq') AS n").fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM answers one row
    return f"S{row['n']:05d}"


def transaction_time(env: Env) -> datetime:
    """The start of the transaction, in UTC without a zone."""
    row = env.conn.execute("SELECT now() AT TIME ZONE 'UTC' AS now").fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM answers one row
    moment: datetime = row["now"]
    return moment.replace(microsecond=0)


PARTNER = model(
    "res.partner",
    "Contact",
    {
        "name": Field("char", "Name"),
        "email": Field("char", "Email"),
        "email_normalized": Field("char", "Normalized Email", readonly=True),
        "phone": Field("char", "Phone"),
        "ref": Field("char", "Reference"),
        "comment": Field("text", "Notes"),
        "color": Field("integer", "Color Index"),
        "is_company": Field("boolean", "Is a Company"),
        "active": Field("boolean", "Active", default=True),
        "parent_id": link("Related Company", "res.partner"),
        "x_fc_from_catalog": Field("boolean", "Made by a Service's Catalog"),
    },
    order="name, id desc",
    read=("parent_id",),
    constraints={
        "res_partner_check_name": "Contacts require a name",
        "res_partner_x_fc_email_uniq": (
            "Another client that came from a catalog has this e-mail address."
        ),
    },
)

USERS = model(
    "res.users",
    "User",
    {
        "login": required("Login"),
        "name": required("Name"),
        "email": Field("char", "Email"),
        "active": Field("boolean", "Active", default=True),
        "partner_id": link("Related Partner", "res.partner"),
    },
    order="name, login",
    constraints={
        "res_users_login_uniq": "You can not have two users with the same login!"
    },
)

PRODUCT = model(
    "product.product",
    "Product Variant",
    {
        "name": required("Name"),
        "default_code": Field("char", "Internal Reference"),
        "active": Field("boolean", "Active", default=True),
    },
    order="default_code, name, id",
    watched=("write",),
)

ORDER = model(
    "sale.order",
    "Sales Order",
    {
        "name": Field(
            "char", "Order Reference", required=True, default=next_order_name
        ),
        "partner_id": link("Customer", "res.partner", required=True),
        "state": choice("Status", "draft", "sent", "sale", "cancel", default="draft"),
        "client_order_ref": Field("char", "Customer Reference"),
        "date_order": Field(
            "datetime", "Order Date", required=True, default=transaction_time
        ),
        "x_fc_service_id": link("Service", "fusion.billing.service"),
        "x_fc_external_id": Field("char", "External Subscription"),
        "x_fc_plan_id": link("Plan", "fusion.billing.plan"),
        "x_fc_started_at": Field("datetime", "Started at"),
        "x_fc_ended_at": Field("datetime", "Ended at"),
        "x_fc_timezone": Field("char", "Time Zone"),
        "x_fc_anchor": Field(
            "selection", "Anchor", selection=("calendar", "anniversary")
        ),
    },
    order="id desc",
    read=("partner_id",),
    constraints={
        "sale_order_x_fc_external_uniq": (
            "A subscription's external id must be unique within its service."
        ),
        "sale_order_x_fc_ended_check": "A subscription must end after it starts.",
    },
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
        "aggregation": choice("Aggregation", "sum", "max", "last", "unique"),
        "unit": Field("char", "Unit"),
    },
    constraints={
        "fusion_billing_metric_code_uniq": (
            "A metric's code must be unique within its service."
        )
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
    },
    constraints={
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
    },
    record_name="id",
    constraints={
        "fusion_billing_charge_metric_uniq": "A plan charges a metric once.",
        "fusion_billing_charge_numbers_check": "A charge's numbers must be finite.",
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
        "quantity": Field("decimal", "Quantity", required=True),
        "included": Field("decimal", "Included"),
        "overage": Field("decimal", "Overage"),
        "amount": Field("decimal", "Amount"),
        "currency": Field("char", "Currency"),
        "revision": Field("integer", "Revision", required=True),
        "state": choice("State", "open", "frozen", default="open"),
    },
    record_name="id",
    constraints={
        "fusion_billing_usage_key_uniq": (
            "A subscription has one usage row per metric and period."
        ),
        "fusion_billing_usage_period_check": "The period must end after it starts.",
        "fusion_billing_usage_numbers_check": "Usage must be a finite number.",
    },
)

ALL: tuple[Model, ...] = (
    PARTNER,
    USERS,
    PRODUCT,
    ORDER,
    SERVICE,
    ACCOUNT_LINK,
    METRIC,
    PLAN,
    CHARGE,
    USAGE,
)


def contract_models() -> Registry:
    """The models of the contract, without the addon's methods."""
    return registry(*ALL)
