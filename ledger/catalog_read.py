"""The catalog as the ledger has it, in the shape in which it comes from Odoo."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from ledger.db import Connection
from ledger.queries import load_queries
from schemas.catalog_entries import (
    Charge,
    Customer,
    Metric,
    Plan,
    Service,
    Subscription,
)
from schemas.catalog_json import (
    read_charge_filters,
    read_metric_filters,
    read_thresholds,
    read_tiers,
)
from schemas.odoo_rows import CatalogEntry

_SQL = load_queries("catalog_read")
_ENTRIES: Final[dict[str, Any]] = {
    "service": Service,
    "customer": Customer,
    "subscription": Subscription,
}

# In the order of the columns.
METRIC_FIELDS: Final = tuple(field.name for field in fields(Metric))
_CHARGE_FIELDS: Final = tuple(field.name for field in fields(Charge))
PLAN_FIELDS: Final = tuple(field.name for field in fields(Plan))
_PLAN_COLUMNS: Final = tuple(name for name in PLAN_FIELDS if name != "charges")


@dataclass(frozen=True)
class KnownEntry:
    """One entry of the catalog, with its service's code and Odoo's id."""

    odoo_id: int
    service: str
    entry: CatalogEntry


def read_entries(
    conn: Connection, kind: str, service: str | None, after_id: int, last_id: int | None
) -> list[KnownEntry]:
    """Those with Odoo's ids in ``(after_id, last_id]``, by id; None: all the rest.

    Of one service or of all. What Odoo does not have yet, and has no id, is left out.
    """
    values = {"service": service, "after_id": after_id, "last_id": last_id}
    rows = conn.execute(_SQL[f"read_{kind}"], values).fetchall()
    if kind == "plan":
        charges = _read_charges(conn, [row[0] for row in rows])
        return [KnownEntry(row[1], row[2], _plan(charges, row)) for row in rows]
    if kind == "metric":
        return [KnownEntry(row[1], row[2], _metric(row)) for row in rows]
    make = _ENTRIES[kind]
    return [KnownEntry(row[0], row[1], make(*row[2:])) for row in rows]


def read_metric(conn: Connection, service: str, code: str) -> Metric | None:
    """The service's metric of that code, whether Odoo has it or not."""
    names = {"service": service, "code": code}
    row = conn.execute(_SQL["metric_of_code"], names).fetchone()
    return None if row is None else _metric(row)


def read_plan(conn: Connection, service: str, code: str) -> Plan | None:
    """The service's plan of that code, whether Odoo has it or not."""
    names = {"service": service, "code": code}
    row = conn.execute(_SQL["plan_of_code"], names).fetchone()
    return None if row is None else _plan(_read_charges(conn, [row[0]]), row)


def metrics_by_key(conn: Connection, keys: Sequence[int]) -> dict[int, Metric]:
    """Metrics by their keys in the ledger."""
    rows = conn.execute(_SQL["metrics_by_key"], {"keys": list(keys)}).fetchall()
    return {row[0]: _metric(row) for row in rows}


def plans_by_key(conn: Connection, keys: Sequence[int]) -> dict[int, Plan]:
    """Plans by their keys in the ledger."""
    charges = _read_charges(conn, keys)
    rows = conn.execute(_SQL["plans_by_key"], {"keys": list(keys)}).fetchall()
    return {row[0]: _plan(charges, row) for row in rows}


def read_unsent(
    conn: Connection, kind: str, odoo_ids: Collection[int]
) -> dict[int, tuple[frozenset[str], str | None]]:
    """By Odoo's id, the fields that an app changed and Odoo has not taken.

    With why Odoo refused them, if it has.
    """
    values = {"kind": kind, "odoo_ids": list(odoo_ids)}
    rows = conn.execute(_SQL["read_unsent"], values)
    return {odoo_id: (frozenset(fields), error) for odoo_id, fields, error in rows}


def _metric(row: Sequence[Any]) -> Metric:
    values = dict(zip(METRIC_FIELDS, row[3:], strict=True))
    return Metric(**{**values, "filters": read_metric_filters(values["filters"])})


def _plan(charges: Mapping[int, tuple[Charge, ...]], row: Sequence[Any]) -> Plan:
    values = dict(zip(_PLAN_COLUMNS, row[3:], strict=True))
    values["usage_thresholds"] = read_thresholds(values["usage_thresholds"])
    return Plan(**values, charges=charges.get(row[0], ()))


def _read_charges(
    conn: Connection, plan_ids: Sequence[int]
) -> dict[int, tuple[Charge, ...]]:
    found: dict[int, tuple[Charge, ...]] = defaultdict(tuple)
    for row in conn.execute(_SQL["read_charges"], {"plan_ids": list(plan_ids)}):
        values = dict(zip(_CHARGE_FIELDS, row[1:], strict=True))
        values |= {
            "tiers": read_tiers(values["tiers"]),
            "group_keys": tuple(values["group_keys"]),
            "filters": read_charge_filters(values["filters"]),
        }
        found[row[0]] += (Charge(**values),)
    return found
