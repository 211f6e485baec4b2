"""Making, changing and deleting plans, with a key that has the scope for it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from flask import Response, jsonify
from marshmallow import ValidationError

from ingest_api.errors import not_found
from ingest_api.lago.catalog_changes import (
    already_there,
    refused_change,
    require_catalog_principal,
)
from ingest_api.lago.changing import change_books
from ingest_api.lago.charges_request import (
    Known,
    MetricMissing,
    faults_of,
    named_metrics,
    read_charges,
)
from ingest_api.lago.path_codes import code_in_path
from ingest_api.lago.plans_answer import plan_answer
from ingest_api.lago.wrapped import read_wrapped, refused
from ledger.catalog_changes import delete_plan, save_plan
from ledger.catalog_pages import PlanEntry, find_plan, metrics_by_id
from ledger.catalog_rows import CatalogRowUnknown
from ledger.catalog_rules import InUse, has_subscriptions
from ledger.charge_entries import charge_of
from ledger.db import Connection
from ledger.holding import PLAN, lock_record
from ledger.keys import Principal
from ledger.local_changes import LocalChangeRefused
from ledger.money import currency_places, from_cents
from schemas.catalog import DEFAULT_GRACE_HOURS
from schemas.catalog_entries import Threshold
from schemas.lago_plans import NewPlanSchema, PlanChangeSchema

WRAPPER: Final = "plan"
UNKNOWN: Final = "plan_not_found"
UNKNOWN_METRICS: Final = "billable_metrics_not_found"

_NEW: Final = NewPlanSchema()
_CHANGE: Final = PlanChangeSchema()
_BLANK: Final = {
    "grace_hours": DEFAULT_GRACE_HOURS,
    "charges": (),
    "description": "",
    "usage_thresholds": (),
    "archived": False,
}
"""What a new plan has of what is not given, also in place of a deleted one."""
_SETTLED: Final = (("interval", "interval"), ("amount_currency", "currency"))


def create_plan() -> Response:
    """Make a plan with its charges."""
    principal = require_catalog_principal()
    values = read_wrapped(WRAPPER, _NEW)
    code = values["code"]
    now = datetime.now(UTC)

    def save(conn: Connection) -> PlanEntry:
        lock_record(conn, PLAN, principal.service_code, code)
        if find_plan(conn, principal.service_id, code) is not None:
            raise already_there()
        new = {**_BLANK, **_fields(conn, principal, values, None)}
        try:
            save_plan(conn, principal.service_id, code, new, now)
        except InUse as error:
            raise already_there(str(error)) from error
        return _found(conn, principal, code)

    return _answer(_change(save))


def update_plan(code: str) -> Response:
    """Change a plan; what is absent stays, but for charges: those given are all."""
    principal = require_catalog_principal()
    code = code_in_path(code, UNKNOWN)
    values = read_wrapped(WRAPPER, _CHANGE)
    now = datetime.now(UTC)

    def save(conn: Connection) -> PlanEntry:
        lock_record(conn, PLAN, principal.service_code, code)
        before = _found(conn, principal, code)
        _refuse_settled(conn, principal, values, before, now)
        fields = _fields(conn, principal, values, before)
        save_plan(conn, principal.service_id, code, fields, now)
        return _found(conn, principal, code)

    return _answer(_change(save))


def remove_plan(code: str) -> Response:
    """Delete a plan, and answer it as it was; its subscriptions are billed on by it."""
    principal = require_catalog_principal()
    code = code_in_path(code, UNKNOWN)
    now = datetime.now(UTC)

    def delete(conn: Connection) -> PlanEntry:
        lock_record(conn, PLAN, principal.service_code, code)
        before = _found(conn, principal, code)
        delete_plan(conn, principal.service_id, code, now)
        return before

    return _answer(_change(delete))


def _change(function: Any) -> PlanEntry:
    try:
        plan: PlanEntry = change_books(function)
    except MetricMissing as error:
        raise not_found(UNKNOWN_METRICS) from error
    except CatalogRowUnknown as error:
        raise not_found(UNKNOWN) from error
    except LocalChangeRefused as error:
        raise refused_change(error) from error
    return plan


def _found(conn: Connection, principal: Principal, code: str) -> PlanEntry:
    plan = find_plan(conn, principal.service_id, code)
    if plan is None:
        raise not_found(UNKNOWN)
    return plan


def _refuse_settled(
    conn: Connection,
    principal: Principal,
    values: Mapping[str, Any],
    before: PlanEntry,
    now: datetime,
) -> None:
    """A code is for good; with subscriptions, interval and currency are as well."""
    if values.get("code", before.code) != before.code:
        text = "code: cannot change; make another plan"
        raise refused_change(LocalChangeRefused(text))
    for name, field in _SETTLED:
        settled = getattr(before, field)
        if values.get(name, settled) != settled and has_subscriptions(
            conn, principal.service_code, before.code, now
        ):
            text = f"{name}: cannot change while the plan has subscriptions"
            raise refused_change(LocalChangeRefused(text))
    _refuse_other_cents(values, before)


def _refuse_other_cents(values: Mapping[str, Any], before: PlanEntry) -> None:
    """A thousand cents are ten dollars, and would be ten yen: all amounts in cents have
    to be given when the smallest unit becomes another part of the currency."""
    places = currency_places(values.get("amount_currency", before.currency))
    if places == currency_places(before.currency):
        return
    held = {
        "amount_cents": before.price,
        "usage_thresholds": before.usage_thresholds,
        "charges": any(charge.minimum for charge in before.charges),
    }
    text = "value_is_mandatory: its cents are no longer the same amount"
    if missing := {name for name in held if held[name] and name not in values}:
        raise refused({name: [text] for name in sorted(missing)})


def _fields(
    conn: Connection,
    principal: Principal,
    values: Mapping[str, Any],
    before: PlanEntry | None,
) -> dict[str, Any]:
    """Loaded values as the ledger's plan has them; those that were given."""
    names = ("name", "description", "interval")
    fields = {name: values[name] for name in names if name in values}
    currency = values.get("amount_currency") or (before.currency if before else "")
    if "amount_currency" in values:
        fields["currency"] = currency
    if "amount_cents" in values:
        fields["price"] = from_cents(values["amount_cents"], currency)
    if "usage_thresholds" in values:
        fields["usage_thresholds"] = tuple(
            Threshold(
                from_cents(each["amount_cents"], currency),
                each["recurring"],
                each.get("threshold_display_name", ""),
            )
            for each in values["usage_thresholds"]
        )
    if "charges" in values:
        charges = values["charges"]
        had = {c.public_id: c for c in before.charges} if before else {}
        named = named_metrics(charges, had)
        metrics = metrics_by_id(conn, principal.service_id, named)
        try:
            entries = read_charges(charges, Known(metrics, had), currency)
        except ValidationError as error:
            raise refused({"charges": faults_of(error)}) from error
        fields["charges"] = tuple(charge_of(entry) for entry in entries)
    return fields


def _answer(plan: PlanEntry) -> Response:
    return jsonify({WRAPPER: plan_answer(plan)})
