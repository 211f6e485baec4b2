"""What the functions of apply_catalog share: rows by external codes, and upserts."""

from typing import Any

from ledger.queries import load_queries
from odoo_bridge.embedded import rows as r
from odoo_bridge.embedded.env import Env

Applied = tuple[int, str]
"""A record's id, and created, updated or unchanged."""

SQL = load_queries("apply", "odoo_bridge.embedded")


def find_service(env: Env, row: r.Row) -> int:
    """The id of the row's service. Raises RowError, as all of these."""
    return find(env, row, "service", "find_service")


def find(env: Env, row: r.Row, key: str, query: str, **more: Any) -> int:
    """The id of what the row names under the key."""
    code = r.text(row, key)
    found = one(env, query, {key: code, **more})
    if found is None:
        raise r.RowError(f"{key}: unknown {key} {code!r}")
    return int(found["id"])


def upsert(env: Env, query: str, **values: Any) -> Applied:
    """Run one of the apply_… statements."""
    found = one(env, query, values)
    assert found is not None  # noqa: S101 - every apply_… answers one row
    return int(found["id"]), str(found["status"])


def one(env: Env, query: str, values: dict[str, Any]) -> dict[str, Any] | None:
    """The first row that the statement answers."""
    return env.conn.execute(SQL[query], {**values, "uid": env.uid}).fetchone()
