"""A plan's charges, as ``apply_catalog`` takes them: always all of them."""

import json

from . import applying as a
from . import rows as r
from .charge import CHARGE_MODELS


def replace_charges(plan, given):
    """Make the plan's charges those given. Answers whether anything changed.

    A charge that stays keeps its product and taxes, which are Odoo's alone.
    """
    if not isinstance(given, list | tuple):
        raise r.RowError("charges: must be a list")
    charges = {}
    for place, item in enumerate(given):
        try:
            metric, values = _read_charge(plan, r.row_of(item))
        except r.RowError as error:
            raise r.RowError(f"charges[{place}].{error}") from error
        if metric.id in charges:
            raise r.RowError(f"charges[{place}].metric: is charged twice")
        charges[metric.id] = values
    removed = plan.charge_ids.filtered(lambda c: c.metric_id.id not in charges)
    changed = bool(removed)
    removed.unlink()
    for metric_id, values in charges.items():
        key = {"plan_id": plan.id, "metric_id": metric_id}
        _, status = a.put(plan.env[a.CHARGE], key, values)
        changed = changed or status != "unchanged"
    return changed


def _read_charge(plan, row):
    metric = a.find(plan.env, row, "metric", a.METRIC, "code", plan.service_id)
    charge = {
        "model": r.choice(row, "model", CHARGE_MODELS),
        "included": r.optional_number(row, "included"),
        "price": r.optional_number(row, "price"),
        "package_size": r.optional_number(row, "package_size"),
        "tiers": r.optional_text(row, "tiers"),
        "minimum": r.optional_number(row, "minimum"),
    }
    if (charge["minimum"] or 0) < 0:
        raise r.RowError("minimum: must be 0 or more")
    charge |= _read_parts(row)
    if plan.active and not metric.active:
        raise r.RowError(f"metric: {metric.code!r} is archived")
    if charge["model"] == "package" and not (charge["package_size"] or 0) > 0:
        raise r.RowError("package_size: must be above zero for a package")
    if charge["tiers"] is not None:
        try:
            json.loads(charge["tiers"])
        except ValueError as error:
            raise r.RowError(f"tiers: is not JSON: {error}") from error
    return metric, charge


def _read_parts(row):
    """What older bridges do not tell, and a charge that is there keeps then."""
    texts = {"display_name": "invoice_name", "group_keys": "group_keys"}
    texts["filters"] = "filters"
    numbers = {key: key for key in ("fixed", "free_events")}
    values = {f: r.optional_text(row, k) for k, f in texts.items() if k in row}
    values |= {f: r.optional_number(row, k) for k, f in numbers.items() if k in row}
    return values
