"""Odoo's own models, cut to what is used, with the addon's fields (``x_fc_``) on them.

Constraint messages are by the name that the constraint has in ``schema.sql``.
"""

from datetime import datetime

from odoo_bridge.embedded.env import Env
from odoo_bridge.embedded.models import Field, choice, link, model, required


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
        "street": Field("char", "Street"),
        "street2": Field("char", "Street2"),
        "city": Field("char", "City"),
        "zip": Field("char", "Zip"),
        "state_id": link("State", "res.country.state"),
        "country_id": link("Country", "res.country"),
        "vat": Field("char", "Tax ID"),
        "lang": Field("char", "Language", default="en_US"),
        "company_name": Field("char", "Company Name"),
        "website": Field("char", "Website Link"),
        "x_fc_stripe_customer": Field("char", "Stripe Customer"),
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

COUNTRY = model(
    "res.country",
    "Country",
    {"code": required("Country Code"), "name": required("Country Name")},
    order="name, id",
    constraints={"res_country_code_uniq": "The code of the country must be unique!"},
)

STATE = model(
    "res.country.state",
    "Country State",
    {
        "country_id": link("Country", "res.country", required=True),
        "code": required("State Code"),
        "name": required("State Name"),
    },
    order="code, id",
    constraints={
        "res_country_state_name_code_uniq": (
            "The code of the state must be unique by country!"
        )
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

PARAMETER = model(
    "ir.config_parameter",
    "System Parameter",
    {"key": required("Key"), "value": Field("text", "Value", required=True)},
    record_name="key",
    order="key",
    constraints={"ir_config_parameter_key_uniq": "Key must be unique."},
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
        "x_fc_account_link_id": link("Account Link", "fusion.billing.account.link"),
        "x_fc_plan_id": link("Plan", "fusion.billing.plan"),
        "x_fc_started_at": Field("datetime", "Started at"),
        "x_fc_ended_at": Field("datetime", "Ended at"),
        "x_fc_revision": Field("integer", "App's Revision", readonly=True),
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
