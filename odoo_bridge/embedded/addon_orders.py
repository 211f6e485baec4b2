"""A subscription of ``apply_catalog``: an order with an external id."""

from typing import Any
from zoneinfo import available_timezones

from odoo_bridge.embedded import rows as r
from odoo_bridge.embedded.applying import (
    SQL,
    Applied,
    find,
    find_service,
    one,
    upsert,
)
from odoo_bridge.embedded.env import Env
from odoo_bridge.embedded.local_change import (
    is_taken,
    read_changed,
    read_revision,
)

ANCHORS = ("calendar", "anniversary")
COLUMNS = {
    "customer": ("partner_id", "link_id"),
    "plan": ("plan_id",),
    "started_at": ("started_at",),
    "ended_at": ("ended_at",),
    "timezone": ("timezone",),
    "anchor": ("anchor",),
}
"""Columns by key of the row."""


def apply_subscription(env: Env, row: r.Row) -> Applied:
    """An order: ``{service, external_id, customer, plan, started_at, ended_at, …}``.

    An app's change also has ``revision`` and ``changed``: an order that is there takes
    what was changed, and keeps what a person changed of the rest. A new one of an app
    is confirmed; not while its service is in shadow, nor if a file brings it.
    """
    service_id = find_service(env, row)
    key = {"service_id": service_id, "external_id": r.text(row, "external_id")}
    values = _read_terms(env, row, service_id)
    revision, changed = read_revision(row), read_changed(row)
    held = one(env, "find_subscription", key)
    if held and is_taken(held["id"], revision, held["x_fc_revision"]):
        return held["id"], "unchanged"
    if held and changed is not None:
        taken = {name for word in changed & set(COLUMNS) for name in COLUMNS[word]}
        values = {
            name: value if name in taken else held[name]
            for name, value in values.items()
        }
    order_id, status = upsert(env, "apply_subscription", **key, **values)
    if revision:
        note = {"id": order_id, "revision": revision, "uid": env.uid}
        note["is_new"] = status == "created"
        env.conn.execute(SQL["note_subscription"], note)
    return order_id, status


def _read_terms(env: Env, row: r.Row, service_id: int) -> dict[str, Any]:
    customer = _customer(env, row, service_id)
    zone = r.text(row, "timezone")
    if zone not in available_timezones():
        raise r.RowError(f"timezone: {zone!r} is not a time zone")
    return {
        "partner_id": customer["partner_id"],
        "link_id": customer["id"],
        "plan_id": find(env, row, "plan", "find_plan", service_id=service_id),
        "started_at": r.moment(row, "started_at"),
        "ended_at": r.optional_moment(row, "ended_at"),
        "timezone": zone,
        "anchor": r.choice(row, "anchor", ANCHORS),
    }


def _customer(env: Env, row: r.Row, service_id: int) -> dict[str, Any]:
    external_id = r.text(row, "customer")
    values = {"service_id": service_id, "external_id": external_id}
    found = one(env, "find_customer", values)
    if found is None:
        raise r.RowError(f"customer: unknown customer {external_id!r}")
    return found
