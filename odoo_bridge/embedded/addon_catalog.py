"""``fusion.billing.service.apply_catalog``: the catalog's rows, by external codes.

Each kind has one function: it reads the row, finds what the row names, and upserts.
"""

from collections.abc import Callable
from typing import Any

from odoo_bridge.embedded import rows as r
from odoo_bridge.embedded.addon_charges import replace_charges
from odoo_bridge.embedded.addon_clients import apply_customer
from odoo_bridge.embedded.addon_orders import apply_subscription
from odoo_bridge.embedded.applying import (
    SQL,
    Applied,
    apply_rows,
    find_service,
    one,
    upsert,
)
from odoo_bridge.embedded.env import Env, Records, api_model
from odoo_bridge.embedded.errors import ValidationError

MODES = ("shadow", "live")
AGGREGATIONS = ("sum", "max", "last", "unique", "count")
ROUNDINGS = ("none", "round", "ceil", "floor")
MAX_PRECISION = 30
INTERVALS = ("weekly", "monthly", "quarterly", "semiannual", "yearly")
GRACE_HOURS, MAX_GRACE_HOURS = 48, 8760


@api_model
def apply_catalog(records: Records, kind: str, rows: list[Any]) -> list[dict[str, Any]]:
    """Create or update each row in a savepoint of its own.

    Answers ``{"index", "status", "id", "reason"}`` per row; the status is created,
    updated, unchanged, stale (with the newer "revision" that Odoo has) or
    error. Calling again with the same rows changes nothing.
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


KINDS: dict[str, Callable[[Env, r.Row], Applied]] = {
    "service": apply_service,
    "metric": apply_metric,
    "plan": apply_plan,
    "customer": apply_customer,
    "subscription": apply_subscription,
}
