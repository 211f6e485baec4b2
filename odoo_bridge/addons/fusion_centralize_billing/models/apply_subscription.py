"""A subscription of ``apply_catalog``: an order with an external id."""

from zoneinfo import available_timezones

from . import applying as a
from . import rows as r
from .local_change import is_taken, read_changed, read_revision
from .sale_order import ANCHORS
from .telling import changed_by_app

FIELDS = {
    "customer": ("partner_id", "x_fc_account_link_id"),
    "plan": ("x_fc_plan_id",),
    "started_at": ("x_fc_started_at",),
    "ended_at": ("x_fc_ended_at",),
    "timezone": ("x_fc_timezone",),
    "anchor": ("x_fc_anchor",),
}
"""Fields of the order by key of the row."""


def apply_subscription(env, row):
    """An order: ``{service, external_id, customer, plan, started_at, ended_at, …}``.

    An app's change also has ``revision`` and ``changed``: an order that is there takes
    what was changed, and keeps what a person changed of the rest. A new one of an app
    is confirmed, as its customer has agreed to it there; not while its service is in
    shadow, nor if a file brings it: it stays a quotation. Confirming it sends nothing.
    """
    service = a.find_service(env, row)
    key = {
        "x_fc_service_id": service.id,
        "x_fc_external_id": r.text(row, "external_id"),
    }
    values = _read_terms(env, row, service)
    revision, changed = read_revision(row), read_changed(row)
    orders = env[a.ORDER].with_company(service.company_id)
    order = orders.search([(name, "=", value) for name, value in key.items()])
    if order and is_taken(order.id, revision, order.x_fc_revision):
        return order.id, "unchanged"
    if order and changed is not None:
        taken = {name for word in changed & set(FIELDS) for name in FIELDS[word]}
        values = {name: value for name, value in values.items() if name in taken}
    order, status = a.put(orders, key, values, company_id=service.company_id.id)
    if revision:
        changed_by_app(order)
        order.x_fc_revision = revision
    if revision and status == "created" and service.mode == "live":
        order.action_confirm()
    return order.id, status


def _read_terms(env, row, service):
    link = a.find(env, row, "customer", a.LINK, "external_id", service)
    zone = r.text(row, "timezone")
    if zone not in available_timezones():
        raise r.RowError(f"timezone: {zone!r} is not a time zone")
    return {
        "partner_id": link.partner_id.id,
        "x_fc_account_link_id": link.id,
        "x_fc_plan_id": a.find(env, row, "plan", a.PLAN, "plan_code", service).id,
        "x_fc_started_at": r.moment(row, "started_at"),
        "x_fc_ended_at": r.optional_moment(row, "ended_at"),
        "x_fc_timezone": zone,
        "x_fc_anchor": r.choice(row, "anchor", ANCHORS),
    }
