"""``fusion.billing.service.apply_catalog``: the catalog's rows, by external codes.

Each kind has one function: it reads the row, finds what the row names, and upserts.
"""

from collections.abc import Callable
from typing import Any
from zoneinfo import available_timezones

from odoo_bridge.embedded import rows as r
from odoo_bridge.embedded.addon_charges import replace_charges
from odoo_bridge.embedded.applying import (
    SQL,
    Applied,
    apply_rows,
    find,
    find_service,
    one,
    upsert,
)
from odoo_bridge.embedded.env import Env, Records, api_model
from odoo_bridge.embedded.errors import ValidationError
from odoo_bridge.embedded.values import normalize_email

MODES = ("shadow", "live")
AGGREGATIONS = ("sum", "max", "last", "unique", "count")
ROUNDINGS = ("none", "round", "ceil", "floor")
MAX_PRECISION = 30
INTERVALS = ("weekly", "monthly", "quarterly", "semiannual", "yearly")
ANCHORS = ("calendar", "anniversary")
GRACE_HOURS, MAX_GRACE_HOURS = 48, 8760


@api_model
def apply_catalog(records: Records, kind: str, rows: list[Any]) -> list[dict[str, Any]]:
    """Create or update each row in a savepoint of its own.

    Answers ``{"index", "status", "id", "reason"}`` per row; the status is created,
    updated, unchanged or error. Calling again with the same rows changes nothing.
    Raises ValidationError on a kind that there is not.
    """
    apply = KINDS.get(kind)
    if apply is None:
        raise ValidationError(f"Unknown kind {kind!r}: one of {', '.join(KINDS)}.")
    return apply_rows(records.env, rows, apply)


def apply_service(env: Env, row: r.Row) -> Applied:
    """``{code, name, mode}``."""
    return upsert(
        env,
        "apply_service",
        code=r.text(row, "code"),
        name=r.text(row, "name"),
        mode=r.choice(row, "mode", MODES),
    )


def apply_metric(env: Env, row: r.Row) -> Applied:
    """``{service, code, name, aggregation, unit, rounding, rounding_precision}``.

    With usage, the aggregation stays. Not given: no rounding, and to whole numbers.
    """
    values = {
        "service_id": find_service(env, row),
        "code": r.text(row, "code"),
        "name": r.text(row, "name"),
        "aggregation": r.choice(row, "aggregation", AGGREGATIONS),
        "unit": r.optional_text(row, "unit"),
        "rounding": r.choice(row, "rounding", ROUNDINGS, "none"),
        "rounding_precision": r.whole(
            row, "rounding_precision", -MAX_PRECISION, MAX_PRECISION, 0
        ),
    }
    if values["rounding_precision"] and values["rounding"] == "none":
        raise r.RowError("rounding_precision: is not used without rounding")
    if one(env, "other_aggregation_in_use", values):
        raise r.RowError(
            "the aggregation of a metric with usage cannot change; make a new metric"
        )
    return upsert(env, "apply_metric", **values)


def apply_plan(env: Env, row: r.Row) -> Applied:
    """``{service, code, name, interval, currency, price, grace_hours, charges}``.

    The charges replace all that there are; a grace that is not given is 48 hours.
    """
    service_id = find_service(env, row)
    key, status = upsert(
        env,
        "apply_plan",
        service_id=service_id,
        code=r.text(row, "code"),
        name=r.text(row, "name"),
        interval=r.choice(row, "interval", INTERVALS),
        currency=r.text(row, "currency"),
        price=r.number(row, "price"),
        grace_hours=r.whole(row, "grace_hours", 0, MAX_GRACE_HOURS, GRACE_HOURS),
    )
    if replace_charges(env, key, service_id, row.get("charges") or []):
        env.conn.execute(SQL["touch_plan"], {"plan_id": key, "uid": env.uid})
        status = "updated" if status == "unchanged" else status
    return key, status


def apply_customer(env: Env, row: r.Row) -> Applied:
    """``{service, external_id, name, email}``: found by link, then e-mail, else made.

    A client that a catalog made and that has no other link takes the row's name and
    e-mail; one that Odoo or another service shares stays as it is. The id answered is
    the link's.
    """
    email = r.optional_text(row, "email")
    values = {
        "service_id": find_service(env, row),
        "external_id": r.text(row, "external_id"),
        "name": r.text(row, "name"),
        "email": email,
        "email_normalized": normalize_email(email),
    }
    if email and values["email_normalized"] is None:
        raise r.RowError(f"email: {email!r} is not an e-mail address")
    found = one(env, "find_customer", values)
    if found is None:
        return _link_customer(env, values), "created"
    same = (found["name"], found["email"]) == (values["name"], email)
    if same or not found["x_fc_from_catalog"] or found["links"] > 1:
        return found["id"], "unchanged"
    values["partner_id"] = found["partner_id"]
    env.conn.execute(SQL["update_partner"], {**values, "uid": env.uid})
    return found["id"], "updated"


def apply_subscription(env: Env, row: r.Row) -> Applied:
    """An order: ``{service, external_id, customer, plan, started_at, ended_at, …}``."""
    service_id = find_service(env, row)
    customer = _customer(env, row, service_id)
    zone = r.text(row, "timezone")
    if zone not in available_timezones():
        raise r.RowError(f"timezone: {zone!r} is not a time zone")
    return upsert(
        env,
        "apply_subscription",
        service_id=service_id,
        external_id=r.text(row, "external_id"),
        partner_id=customer["partner_id"],
        link_id=customer["id"],
        plan_id=find(env, row, "plan", "find_plan", service_id=service_id),
        started_at=r.moment(row, "started_at"),
        ended_at=r.optional_moment(row, "ended_at"),
        timezone=zone,
        anchor=r.choice(row, "anchor", ANCHORS),
    )


KINDS: dict[str, Callable[[Env, r.Row], Applied]] = {
    "service": apply_service,
    "metric": apply_metric,
    "plan": apply_plan,
    "customer": apply_customer,
    "subscription": apply_subscription,
}


def _link_customer(env: Env, values: dict[str, Any]) -> int:
    partner = None
    if values["email_normalized"]:
        partner = one(env, "find_partner", values)
    partner = partner or one(env, "create_partner", values)
    assert partner is not None  # noqa: S101 - see create_partner's conflict
    link = one(env, "create_link", {**values, "partner_id": partner["id"]})
    assert link is not None  # noqa: S101 - see create_link's conflict
    return int(link["id"])


def _customer(env: Env, row: r.Row, service_id: int) -> dict[str, Any]:
    external_id = r.text(row, "customer")
    values = {"service_id": service_id, "external_id": external_id}
    found = one(env, "find_customer", values)
    if found is None:
        raise r.RowError(f"customer: unknown customer {external_id!r}")
    return found
