"""A plan's charges, as ``apply_catalog`` takes them: always all of them."""

import json
from typing import Any

from odoo_bridge.embedded import rows as r
from odoo_bridge.embedded.applying import find, one, upsert
from odoo_bridge.embedded.env import Env
from odoo_bridge.embedded.term_lists import (
    TermsError,
    check_group_keys,
    missing_value,
    read_charge_filters,
    read_metric_filters,
)

CHARGE_MODELS = ("standard", "package", "graduated", "volume", "percentage")
PARTS = ("invoice_name", "fixed", "free_events", "group_keys", "filters")
"""What a new charge need not have."""


def replace_charges(env: Env, plan_id: int, service_id: int, given: Any) -> bool:
    """Make the plan's charges those given. Answers whether anything changed."""
    if not isinstance(given, list | tuple):
        raise r.RowError("charges: must be a list")
    charges = {}
    for place, item in enumerate(given):
        try:
            charge = _read_charge(env, plan_id, service_id, r.row_of(item))
        except r.RowError as error:
            raise r.RowError(f"charges[{place}].{error}") from error
        if charge["metric_id"] in charges:
            raise r.RowError(f"charges[{place}].metric: is charged twice")
        charges[charge["metric_id"]] = charge
    kept = {"plan_id": plan_id, "metric_ids": list(charges)}
    removed = one(env, "remove_other_charges", kept)
    applied = [
        upsert(env, "apply_charge", plan_id=plan_id, **charge)[1]
        for charge in charges.values()
    ]
    return removed is not None or any(status != "unchanged" for status in applied)


def _read_charge(env: Env, plan_id: int, service_id: int, row: r.Row) -> dict[str, Any]:
    metric_id = find(env, row, "metric", "find_metric", service_id=service_id)
    charge: dict[str, Any] = {
        "metric_id": metric_id,
        "model": r.choice(row, "model", CHARGE_MODELS),
        "included": r.optional_number(row, "included"),
        "price": r.optional_number(row, "price"),
        "package_size": r.optional_number(row, "package_size"),
        "tiers": r.optional_text(row, "tiers"),
        "minimum": r.optional_number(row, "minimum"),
    }
    if (charge["minimum"] or 0) < 0:
        raise r.RowError("minimum: must be 0 or more")
    if charge["model"] == "package" and not (charge["package_size"] or 0) > 0:
        raise r.RowError("package_size: must be above zero for a package")
    if charge["tiers"] is not None:
        try:
            json.loads(charge["tiers"])
        except ValueError as error:
            raise r.RowError(f"tiers: is not JSON: {error}") from error
    key = {"plan_id": plan_id, "metric_id": metric_id}
    held = one(env, "held_charge", key)
    charge |= {**(held or dict.fromkeys(PARTS)), **_read_parts(row)}
    names = {"service_id": service_id, "metric": row["metric"]}
    metric, plan = one(env, "find_metric", names), one(env, "plan_is_active", key)
    assert metric is not None and plan is not None  # noqa: S101 - found before
    _check_parts(charge, metric, plan["active"])
    return charge


def _read_parts(row: r.Row) -> dict[str, Any]:
    """What older bridges do not tell, and a charge that is there keeps then."""
    texts = {"display_name": "invoice_name", "group_keys": "group_keys"}
    texts["filters"] = "filters"
    values: dict[str, Any] = {
        column: r.optional_text(row, key) for key, column in texts.items() if key in row
    }
    numbers = [key for key in ("fixed", "free_events") if key in row]
    return values | {key: r.optional_number(row, key) for key in numbers}


def _check_parts(
    charge: dict[str, Any], metric: dict[str, Any], plan_is_active: bool
) -> None:
    if plan_is_active and not metric["active"]:
        raise r.RowError(f"metric: {metric['code']!r} is archived")
    try:
        check_group_keys(charge["group_keys"])
        wanted = read_charge_filters(charge["filters"])
        missing = missing_value(wanted, read_metric_filters(metric["filters"]))
    except TermsError as error:
        raise r.RowError(str(error)) from error
    if missing:
        raise r.RowError(f"filters: metric {metric['code']} has no {missing}")
