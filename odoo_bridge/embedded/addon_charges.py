"""A plan's charges, as ``apply_catalog`` takes them: always all of them."""

import json
from typing import Any

from odoo_bridge.embedded import rows as r
from odoo_bridge.embedded.applying import find, one, upsert
from odoo_bridge.embedded.env import Env

CHARGE_MODELS = ("standard", "package", "graduated", "volume", "percentage")


def replace_charges(env: Env, plan_id: int, service_id: int, given: Any) -> bool:
    """Make the plan's charges those given. Answers whether anything changed."""
    if not isinstance(given, list | tuple):
        raise r.RowError("charges: must be a list")
    charges = {}
    for place, item in enumerate(given):
        try:
            charge = _read_charge(env, service_id, r.row_of(item))
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


def _read_charge(env: Env, service_id: int, row: r.Row) -> dict[str, Any]:
    charge: dict[str, Any] = {
        "metric_id": find(env, row, "metric", "find_metric", service_id=service_id),
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
    return charge
