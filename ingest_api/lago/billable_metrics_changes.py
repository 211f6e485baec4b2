"""Making, changing and deleting metrics, with a key that has the scope for it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from flask import Response, jsonify

from ingest_api.errors import ApiError, not_found, validation_failed
from ingest_api.lago.billable_metrics_answer import metric_answer
from ingest_api.lago.catalog_changes import (
    already_there,
    in_use,
    refused_change,
    require_catalog_principal,
)
from ingest_api.lago.changing import change_books
from ingest_api.lago.path_codes import code_in_path
from ingest_api.lago.wrapped import read_wrapped
from ledger.catalog_changes import delete_metric, save_metric
from ledger.catalog_pages import MetricEntry, find_metric
from ledger.catalog_rows import CatalogRowUnknown
from ledger.catalog_rules import InUse
from ledger.db import Connection
from ledger.holding import METRIC, lock_record
from ledger.local_changes import LocalChangeRefused
from schemas.catalog_entries import MetricFilter
from schemas.lago_billable_metrics import (
    AGGREGATION_TYPES,
    MetricChangeSchema,
    NewMetricSchema,
)

WRAPPER: Final = "billable_metric"
UNKNOWN: Final = "billable_metric_not_found"

_NEW: Final = NewMetricSchema()
_CHANGE: Final = MetricChangeSchema()
_BLANK: Final = {
    "unit": "",
    "rounding": "none",
    "rounding_precision": 0,
    "field_name": None,
    "description": "",
    "filters": (),
    "archived": False,
}
"""What a new metric has of what is not given, also in place of a deleted one."""


def create_metric() -> Response:
    """Make a metric."""
    principal = require_catalog_principal()
    values = read_wrapped(WRAPPER, _NEW)
    code = values["code"]
    fields = _fields(values)
    if fields["aggregation"] != "count" and "field_name" not in fields:
        raise _no_field_name()
    now = datetime.now(UTC)

    def save(conn: Connection) -> MetricEntry:
        lock_record(conn, METRIC, principal.service_code, code)
        if find_metric(conn, principal.service_id, code) is not None:
            raise already_there()
        new = {**_BLANK, **fields}
        try:
            save_metric(conn, principal.service_id, code, new, now)
        except InUse as error:
            raise already_there(str(error)) from error
        return _found(conn, principal.service_id, code)

    return _answer(_change(save))


def update_metric(code: str) -> Response:
    """Change a metric; what is absent stays as it is."""
    principal = require_catalog_principal()
    code = code_in_path(code, UNKNOWN)
    values = read_wrapped(WRAPPER, _CHANGE)
    now = datetime.now(UTC)

    def save(conn: Connection) -> MetricEntry:
        lock_record(conn, METRIC, principal.service_code, code)
        before = _found(conn, principal.service_id, code)
        if values.get("code", code) != code:
            text = "code: cannot change; make another metric"
            raise refused_change(LocalChangeRefused(text))
        fields = _fields(values)
        aggregation = fields.get("aggregation", before.aggregation)
        changed = aggregation not in (before.aggregation, "count")
        if changed and not fields.get("field_name", before.field_name):
            raise _no_field_name()
        save_metric(conn, principal.service_id, code, fields, now)
        return _found(conn, principal.service_id, code)

    return _answer(_change(save))


def remove_metric(code: str) -> Response:
    """Delete a metric that no plan charges; answers it as it was."""
    principal = require_catalog_principal()
    code = code_in_path(code, UNKNOWN)
    now = datetime.now(UTC)

    def delete(conn: Connection) -> MetricEntry:
        lock_record(conn, METRIC, principal.service_code, code)
        before = _found(conn, principal.service_id, code)
        try:
            delete_metric(conn, principal.service_id, code, now)
        except InUse as error:
            raise in_use("billable_metric_in_use", error) from error
        return before

    return _answer(_change(delete))


def _change(function: Any) -> MetricEntry:
    try:
        metric: MetricEntry = change_books(function)
    except CatalogRowUnknown as error:
        raise not_found(UNKNOWN) from error
    except LocalChangeRefused as error:
        raise refused_change(error) from error
    return metric


def _found(conn: Connection, service_id: int, code: str) -> MetricEntry:
    metric = find_metric(conn, service_id, code)
    if metric is None:
        raise not_found(UNKNOWN)
    return metric


def _fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Loaded values as the ledger's metric has them; those that were given."""
    names = ("name", "description", "field_name", "rounding_precision")
    fields = {name: values[name] for name in names if name in values}
    if "aggregation_type" in values:
        fields["aggregation"] = AGGREGATION_TYPES[values["aggregation_type"]]
    if "rounding_function" in values:
        fields["rounding"] = values["rounding_function"] or "none"
        if fields["rounding"] == "none":
            fields["rounding_precision"] = 0
    if "filters" in values:
        fields["filters"] = tuple(
            MetricFilter(each["key"], tuple(each["values"]))
            for each in values["filters"]
        )
    return fields


def _no_field_name() -> ApiError:
    return validation_failed(
        {"field_name": ["value_is_mandatory"]},
        "field_name: names the property that holds an event's value; only count_agg "
        "needs none",
    )


def _answer(metric: MetricEntry) -> Response:
    return jsonify({WRAPPER: metric_answer(metric)})
