"""Writing a plan with its charges: as pulled from Odoo, or as an app makes it."""

import json
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

from ledger.catalog_read import read_plan
from ledger.catalog_rows import (
    NEWER_TERMS,
    CatalogRowUnknown,
    ChargeRow,
    PlanRow,
    plan_row_of,
)
from ledger.db import Connection
from ledger.holding import METRIC, PLAN, lock_records, unsent_fields
from ledger.metrics import derive_dimensions
from ledger.queries import load_queries
from ledger.replacing import replace_changed
from ledger.rerating import exclude_folds, rerate_plan
from ledger.services import need_service
from ledger.terms import terms_of
from schemas.catalog_json import threshold_values

_IDS = UUID("6f4b1f0e-6a3c-4b53-9a0e-6f1f3f1c7d52")
_SQL = load_queries("plans")


def upsert_plan(conn: Connection, row: PlanRow) -> None:
    """Write a plan, but for what an app changed and Odoo has not taken yet.

    As ``write_plan``, and raises the same.
    """
    kept = unsent_fields(conn, PLAN, row.service, row.code)
    if kept or row.partial:
        row = _keep(conn, row, kept)
    write_plan(conn, row)


def write_plan(conn: Connection, row: PlanRow) -> None:
    """Write a plan and replace its charges; another interval counts usage again by it.

    Other charges or another currency send the usage of running periods out again.
    Raises CatalogRowUnknown when its service, or a charge's metric, is not known.
    """
    service_id = need_service(conn, row.service)
    names = {"service": row.service, "plan": row.code}
    _lock_metrics(conn, row, names)
    known = conn.execute(_SQL["plan_id"], names).fetchone()
    if known is not None and known[2] != row.interval:
        exclude_folds(conn, service_id)  # before the look at what is frozen
    before = terms_of(conn, row.service, plan=row.code)
    written = conn.execute(_SQL["write_plan"], _values(row))
    after = terms_of(conn, row.service, plan=row.code)
    replace_changed(conn, service_id, before, after)
    found = conn.execute(_SQL["plan_id"], names).fetchone()
    assert found is not None  # noqa: S101 - written one statement ago
    changed = _replace_charges(conn, found[0], row)
    if written.rowcount:  # its grace, too
        conn.execute(_SQL["look_at_freezes"], {"plan_id": found[0]})
    if known is not None and (changed or known[1] != found[1]):
        rerate_plan(conn, service_id, found[0])


def _lock_metrics(conn: Connection, row: PlanRow, names: dict[str, str]) -> None:
    """Of the charges that are there, and that come: a metric's rounding goes on to its
    charges, and charges' groups to their metrics."""
    codes = {code for (code,) in conn.execute(_SQL["metrics_of_plan"], names)}
    codes |= {charge.metric for charge in row.charges}
    lock_records(conn, METRIC, row.service, codes)


def _keep(conn: Connection, row: PlanRow, kept: frozenset[str]) -> PlanRow:
    held = read_plan(conn, row.service, row.code)
    if held is None:
        return row
    mine = plan_row_of(row.service, held, None)
    charges = row.charges
    if row.partial:
        kept |= frozenset(NEWER_TERMS[PLAN])
        of_metric = {charge.metric: vars(charge) for charge in mine.charges}
        newer = NEWER_TERMS["charge"]
        charges = tuple(
            replace(charge, **{f: of_metric[charge.metric][f] for f in newer})
            if charge.metric in of_metric
            else charge
            for charge in charges
        )
    values = {"charges": charges, **{field: vars(mine)[field] for field in kept}}
    return replace(row, **values)


def _values(row: PlanRow) -> dict[str, Any]:
    """A threshold's id is one for its amount, however often the plan is written."""
    names = (row.service, row.code)
    thresholds = [
        {"id": _id_of(*names, value["amount"], value["recurring"]), **value}
        for value in threshold_values(row.usage_thresholds)
    ]
    lists = {"charges": None, "usage_thresholds": json.dumps(thresholds)}
    return {**row.__dict__, **lists}


def _replace_charges(conn: Connection, plan_id: int, row: PlanRow) -> bool:
    """Make the plan's charges the row's; answers whether anything changed."""
    touched: list[int] = []
    for charge in row.charges:
        values = {**_charge_values(row, charge), "plan_id": plan_id}
        found = conn.execute(_SQL["write_charge"], values).fetchone()
        if found is None:
            raise CatalogRowUnknown(
                f"plan {row.code}: metric {charge.metric} is not known"
            )
        if found[1]:
            touched.append(found[0])
    metrics = [charge.metric for charge in row.charges]
    removed = conn.execute(
        _SQL["delete_other_charges"], {"plan_id": plan_id, "metrics": metrics}
    )
    touched += [metric_id for (metric_id,) in removed]
    if touched:
        derive_dimensions(conn, touched)
    return bool(touched)


def _charge_values(row: PlanRow, charge: ChargeRow) -> dict[str, Any]:
    """A filter's id is one for its values, however often the charge is written."""
    names = (row.service, row.code, charge.metric)
    filters = [
        {**value, "id": _id_of(*names, _sorted(value["values"]))}
        for value in charge.filters
    ]
    return {
        **charge.__dict__,
        "tiers": json.dumps(charge.tiers),
        "group_keys": list(charge.group_keys),
        "filters": json.dumps(filters),
    }


def _sorted(values: dict[str, list[str]]) -> list[Any]:
    return [[key, sorted(values[key])] for key in sorted(values)]


def _id_of(*parts: Any) -> str:
    return str(uuid5(_IDS, json.dumps(parts)))
