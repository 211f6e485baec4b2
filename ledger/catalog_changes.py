"""Metrics and plans as apps with the scope "catalog" make and change them.

As customers and subscriptions (ledger/local_changes.py): here first, where they count
from the commit on, then in Odoo, which owns the catalog: what it has taken is its own
again. Nothing is deleted, as usage and bills hang on it: it is archived, out of sight
for apps, and made anew by saving it with ``archived`` False.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from marshmallow import ValidationError

from ledger.catalog_read import METRIC_FIELDS, PLAN_FIELDS, read_metric, read_plan
from ledger.catalog_rows import CatalogRowUnknown, metric_row_of, plan_row_of
from ledger.catalog_rules import check_charges, check_metric, check_revived
from ledger.db import Connection
from ledger.holding import METRIC, PLAN, lock_record
from ledger.local_changes import (
    LocalChangeRefused,
    Saved,
    note_change,
    refuse_unknown,
)
from ledger.metrics import write_metric
from ledger.plans import write_plan
from ledger.queries import load_queries
from ledger.services import service_code
from schemas.catalog import DEFAULT_GRACE_HOURS
from schemas.catalog_entries import Metric, Plan
from schemas.odoo_rows import metric_row, plan_row, read_row

_SQL = load_queries("catalog_changes")


def save_metric(
    conn: Connection,
    service_id: int,
    code: str,
    values: Mapping[str, Any],
    now: datetime,
) -> Saved:
    """Make a metric, or change those fields of ``schemas.catalog_entries.Metric`` that
    ``values`` names, in their types there. A new one needs its ``aggregation``.

    Safe to repeat: what is as it was is not sent again. Raises LocalChangeRefused,
    whose text names the field: for a value that the catalog does not allow, and, as
    InUse, for another aggregation, field or code's end of a metric that plans charge,
    or a filter's value that a charge uses. Raises ServiceUnknown.
    """
    refuse_unknown(values, METRIC_FIELDS[1:])
    service = service_code(conn, service_id)
    lock_record(conn, METRIC, service, code)
    before = read_metric(conn, service, code)
    if before is None:
        _need(values, "aggregation")
        base = Metric(code, code, "", "", "none", 0)
    else:
        base = before
    after = _checked(METRIC, metric_row(service, replace(base, **values)))
    changed = _changed(METRIC_FIELDS, before, after)
    if before is not None:
        check_metric(conn, service, before, after, now)
    if changed:
        write_metric(conn, metric_row_of(service, after, None))
    return _note(conn, METRIC, service_id, code, before is None, changed, now)


def save_plan(
    conn: Connection,
    service_id: int,
    code: str,
    values: Mapping[str, Any],
    now: datetime,
) -> Saved:
    """Make a plan, or change those fields of ``schemas.catalog_entries.Plan`` that
    ``values`` names, in their types there; ``charges`` are always all of them. A new
    one needs ``interval``, ``currency`` and ``price``.

    Usage is counted and rated again by the new terms, in the caller's transaction. Safe
    to repeat. Raises LocalChangeRefused as ``save_metric`` (InUse: it was archived with
    subscriptions, and would be another plan), CatalogRowUnknown for a charge's metric
    that the service does not have, and ServiceUnknown.
    """
    refuse_unknown(values, PLAN_FIELDS[1:])
    service = service_code(conn, service_id)
    lock_record(conn, PLAN, service, code)
    before = read_plan(conn, service, code)
    if before is None:
        _need(values, "interval", "currency", "price")
        grace = DEFAULT_GRACE_HOURS
        base = Plan(code, code, "", "", Decimal(0), grace, ())
    else:
        base = before
    after = _checked(PLAN, plan_row(service, replace(base, **values)))
    changed = _changed(PLAN_FIELDS, before, after)
    if changed & {"charges", "archived"} and not after.archived:
        check_charges(conn, service, after)
    if before is not None:
        check_revived(conn, service, before, after, now)
    if changed:
        write_plan(conn, plan_row_of(service, after, None))
    return _note(conn, PLAN, service_id, code, before is None, changed, now)


def delete_metric(conn: Connection, service_id: int, code: str, now: datetime) -> Saved:
    """Archive a metric. Raises InUse while plans charge it, and CatalogRowUnknown for
    one that is not there, or not any more."""
    found = read_metric(conn, service_code(conn, service_id), code)
    if found is None or found.archived:
        raise CatalogRowUnknown(f"metric {code} is not known")
    return save_metric(conn, service_id, code, {"archived": True}, now)


def delete_plan(conn: Connection, service_id: int, code: str, now: datetime) -> Saved:
    """Archive a plan; what subscriptions it has are billed by it until they end.

    Raises CatalogRowUnknown for one that is not there, or not any more.
    """
    found = read_plan(conn, service_code(conn, service_id), code)
    if found is None or found.archived:
        raise CatalogRowUnknown(f"plan {code} is not known")
    return save_plan(conn, service_id, code, {"archived": True}, now)


def _checked(kind: str, row: dict[str, Any]) -> Any:
    """What comes back of Odoo once it has the row: nothing that a pull would refuse."""
    try:
        return read_row(kind, row)[1]
    except ValidationError as error:
        raise LocalChangeRefused(_first_fault(error.messages)) from error


def _first_fault(messages: Any) -> str:
    """``charges.0.price: is less than 0``, of marshmallow's nested messages."""
    path: list[str] = []
    while isinstance(messages, dict) and messages:
        key, messages = next(iter(messages.items()))
        if key not in ("value", "_schema"):
            path.append(str(key))
    text = messages[0] if isinstance(messages, list) and messages else str(messages)
    return f"{'.'.join(path)}: {text}"


def _changed(fields: tuple[str, ...], before: Any, after: Any) -> frozenset[str]:
    return frozenset(
        field
        for field in fields[1:]
        if before is None or getattr(before, field) != getattr(after, field)
    )


def _need(values: Mapping[str, Any], *fields: str) -> None:
    for field in fields:
        if values.get(field) is None:
            raise LocalChangeRefused(f"{field}: is missing")


def _note(
    conn: Connection,
    kind: str,
    service_id: int,
    code: str,
    made: bool,
    changed: frozenset[str],
    now: datetime,
) -> Saved:
    key = {"service_id": service_id, "code": code}
    found = conn.execute(_SQL[f"{kind}_id"], key).fetchone()
    assert found is not None  # noqa: S101 - it was there, or has been written
    if changed:
        note_change(conn, kind, found[0], changed, now)
    return Saved(found[0], made, changed)
