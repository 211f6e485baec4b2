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
from odoo_bridge.embedded.local_change import apply_change
from odoo_bridge.embedded.term_lists import (
    TermsError,
    check_thresholds,
    missing_value,
    read_charge_filters,
    read_metric_filters,
)

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
    ``field_name``, ``description``, ``filters`` and ``archived``, where the row has no
    such key at all, stay as they are. An app's change also has ``revision`` and
    ``changed``: a metric that is there takes what was changed alone.
    """
    key = {"service_id": find_service(env, row), "code": r.text(row, "code")}
    values = {
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
    values |= _told_texts(row, "field_name", "description", "filters")
    values |= _told_archived(row)
    return apply_change(env, "metric", row, key, values, _check_metric)[:2]


def _check_metric(env: Env, held: dict[str, Any], values: dict[str, Any]) -> None:
    try:
        allowed = read_metric_filters({**held, **values}.get("filters"))
    except TermsError as error:
        raise r.RowError(str(error)) from error
    if not held:
        return
    aggregation = values.get("aggregation", held["aggregation"])
    used = {"metric_id": held["id"], "aggregation": aggregation}
    if one(env, "other_aggregation_in_use", used):
        raise r.RowError(
            "the aggregation of a metric with usage cannot change; make a new metric"
        )
    for charge in env.conn.execute(SQL["charges_in_use"], used):
        if not {**held, **values}["active"]:
            raise r.RowError(f"code: plan {charge['plan_code']} charges the metric")
        wanted = read_charge_filters(charge["filters"])
        if missing := missing_value(wanted, allowed):
            raise r.RowError(f"filters: plan {charge['plan_code']} charges {missing}")


def apply_plan(env: Env, row: r.Row) -> Applied:
    """``{service, code, name, interval, currency, price, grace_hours, charges}``.

    The charges replace all that there are; a grace that is not given is 48 hours.
    ``description``, ``usage_thresholds`` and ``archived``, and an app's change, as
    ``apply_metric`` has them.
    """
    service_id = find_service(env, row)
    key = {"service_id": service_id, "code": r.text(row, "code")}
    values: dict[str, Any] = {
        "name": r.text(row, "name"),
        "interval": r.choice(row, "interval", INTERVALS),
        "currency": r.text(row, "currency"),
        "price": r.number(row, "price"),
        "grace_hours": r.whole(row, "grace_hours", 0, MAX_GRACE_HOURS, GRACE_HOURS),
    }
    values |= _told_texts(row, "description", "usage_thresholds")
    values |= _told_archived(row)
    plan_id, status, taken = apply_change(env, "plan", row, key, values, _check_plan)
    if taken is not None and "charges" not in taken:
        return plan_id, status
    charges = row.get("charges") or []
    if replace_charges(env, plan_id, service_id, charges):
        env.conn.execute(SQL["touch_plan"], {"plan_id": plan_id, "uid": env.uid})
        status = "updated" if status == "unchanged" else status
    return plan_id, status


def _check_plan(env: Env, held: dict[str, Any], values: dict[str, Any]) -> None:
    try:
        check_thresholds(values.get("usage_thresholds"))
    except TermsError as error:
        raise r.RowError(str(error)) from error


def _told_texts(row: r.Row, *keys: str) -> dict[str, Any]:
    """What older bridges do not tell; a record that is there keeps it then."""
    return {key: r.optional_text(row, key) for key in keys if key in row}


def _told_archived(row: r.Row) -> dict[str, Any]:
    return {"active": not r.flag(row, "archived")} if "archived" in row else {}


KINDS: dict[str, Callable[[Env, r.Row], Applied]] = {
    "service": apply_service,
    "metric": apply_metric,
    "plan": apply_plan,
    "customer": apply_customer,
    "subscription": apply_subscription,
}
