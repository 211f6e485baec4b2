"""Reading metrics and plans that apps changed, as they go to Odoo."""

from collections.abc import Mapping
from typing import Any

from ledger.catalog_read import metrics_by_key, plans_by_key
from ledger.db import Connection
from ledger.holding import METRIC
from ledger.queries import load_queries
from schemas.odoo_rows import metric_row, plan_row

_SQL = load_queries("outgoing_catalog")

Claimed = tuple[int, int, int, tuple[str, ...], int, str, str]
"""A record's key, revision, attempts, unsent fields, service's key and code, code."""


def read_rows(
    conn: Connection, kind: str, keys: Mapping[str, Any]
) -> list[tuple[Claimed, Mapping[str, Any]]]:
    """Leased changes with their rows of Odoo's, all of one moment.

    So that the values are those of the revision. Call it outside a transaction.
    """
    with conn.transaction():
        conn.execute(_SQL["one_snapshot"])
        found = conn.execute(_SQL[f"leased_{kind}s"], keys).fetchall()
        ids = [row[0] for row in found]
        if kind == METRIC:
            metrics = metrics_by_key(conn, ids)
            rows = {row[0]: metric_row(row[5], metrics[row[0]]) for row in found}
        else:
            plans = plans_by_key(conn, ids)
            rows = {row[0]: plan_row(row[5], plans[row[0]]) for row in found}
    return [((*row[:3], tuple(row[3]), *row[4:]), rows[row[0]]) for row in found]
