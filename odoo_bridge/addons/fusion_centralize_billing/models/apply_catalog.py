"""``fusion.billing.service.apply_catalog``: the catalog's rows, by external codes.

Each kind has one function: it reads the row, finds what the row names, and puts it.
"""

from odoo import api, models
from odoo.exceptions import ValidationError

from . import applying as a
from . import rows as r
from .apply_charges import replace_charges
from .apply_customer import apply_customer
from .apply_subscription import apply_subscription
from .local_change import apply_change
from .metric import AGGREGATIONS, MAX_PRECISION, ROUNDINGS
from .plan import GRACE_HOURS, INTERVALS, MAX_GRACE_HOURS

MODES = ("shadow", "live")


class Service(models.Model):
    """What the bridge brings to the catalog."""

    _inherit = "fusion.billing.service"

    @api.model
    def apply_catalog(self, kind, rows):
        """Create or update each row in a savepoint of its own.

        Answers ``{"index", "status", "id", "reason"}`` per row; the status is created,
        updated, unchanged, stale (with the newer "revision" that Odoo has) or
        error. Calling again with the same rows changes nothing.
        Raises ValidationError on a kind that there is not, and AccessError for a user
        who is not the bridge.
        """
        env = self._as_bridge().with_context(**a.SILENT).env
        apply = KINDS.get(kind)
        if apply is None:
            names = ", ".join(KINDS)
            raise ValidationError(f"Unknown kind {kind!r}: one of {names}.")
        return a.apply_rows(env, rows, apply)


def apply_service(env, row):
    """``{code, name, mode}``; a new one belongs to the caller's company."""
    code = r.text(row, "code")
    values = {"name": r.text(row, "name"), "mode": r.choice(row, "mode", MODES)}
    others = [("code", "=", code), ("company_id", "not in", env.companies.ids)]
    if env[a.SERVICE].search_count(others):
        raise r.RowError(f"code: {code!r} is a service of another company")
    record, status = a.put(env[a.SERVICE], {"code": code}, values)
    return record.id, status


def apply_metric(env, row):
    """``{service, code, name, aggregation, unit, rounding, rounding_precision}``.

    With usage, the aggregation stays. Not given: no rounding, and to whole numbers.
    ``field_name``, ``description``, ``filters`` and ``archived``, where the row has no
    such key at all, stay as they are. An app's change also has ``revision`` and
    ``changed``: a metric that is there takes what was changed alone.
    """
    key = {
        "service_id": a.find_service(env, row).id,
        "code": r.text(row, "code"),
    }
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
    return apply_change(env[a.METRIC], row, key, values, _refuse_other_usage)[:2]


def _refuse_other_usage(metric, values):
    other = values.get("aggregation", metric.aggregation) != metric.aggregation
    used = [("metric_id", "=", metric.id)]
    if other and metric.env[a.USAGE].search_count(used, limit=1):
        raise r.RowError(
            "the aggregation of a metric with usage cannot change; make a new metric"
        )


def apply_plan(env, row):
    """``{service, code, name, interval, currency, price, grace_hours, charges}``.

    The charges replace all that there are; a grace that is not given is 48 hours.
    ``description``, ``usage_thresholds`` and ``archived``, and an app's change, as
    ``apply_metric`` has them.
    """
    key = {
        "service_id": a.find_service(env, row).id,
        "plan_code": r.text(row, "code"),
    }
    values = {
        "name": r.text(row, "name"),
        "interval": r.choice(row, "interval", INTERVALS),
        "currency": r.text(row, "currency"),
        "price": r.number(row, "price"),
        "grace_hours": r.whole(row, "grace_hours", 0, MAX_GRACE_HOURS, GRACE_HOURS),
    }
    values |= _told_texts(row, "description", "usage_thresholds")
    values |= _told_archived(row)
    key, status, taken = apply_change(env[a.PLAN], row, key, values)
    if taken is not None and "charges" not in taken:
        return key, status
    plan = env[a.PLAN].browse(key)
    if replace_charges(plan, row.get("charges") or []) and status == "unchanged":
        plan._touch()
        status = "updated"
    return key, status


def _told_texts(row, *keys):
    """What older bridges do not tell; a record that is there keeps it then."""
    return {key: r.optional_text(row, key) for key in keys if key in row}


def _told_archived(row):
    return {"active": not r.flag(row, "archived")} if "archived" in row else {}


KINDS = {
    "service": apply_service,
    "metric": apply_metric,
    "plan": apply_plan,
    "customer": apply_customer,
    "subscription": apply_subscription,
}
