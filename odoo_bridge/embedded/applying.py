"""What the methods that take rows share: savepoints, external codes, and upserts."""

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg import errors

from ledger.queries import load_queries
from odoo_bridge.embedded import rows as r
from odoo_bridge.embedded.dispatch import explain_constraint
from odoo_bridge.embedded.env import Env

Applied = tuple[int, str]
"""A record's id (False: there is none), and what was done."""

SQL = {
    **load_queries("apply", "odoo_bridge.embedded"),
    **load_queries("apply_catalog", "odoo_bridge.embedded"),
}


class StaleRow(Exception):
    """The record has a newer revision than the row's: it stays as it is."""

    def __init__(self, record_id: int, revision: int) -> None:
        super().__init__(record_id, revision)
        self.record_id, self.revision = record_id, revision


def apply_rows(
    env: Env, rows: Sequence[Any], apply: Callable[[Env, r.Row], Applied]
) -> list[dict[str, Any]]:
    """Apply each row in a savepoint of its own; a bad one does not sink the others.

    Answers ``{"index", "status", "id", "reason"}`` per row, a stale one's with the
    "revision" that is held.
    """
    return [_apply_one(env, index, row, apply) for index, row in enumerate(rows)]


def _apply_one(
    env: Env, index: int, row: Any, apply: Callable[[Env, r.Row], Applied]
) -> dict[str, Any]:
    try:
        with env.conn.transaction():
            key, status = apply(env, r.row_of(row))
    except StaleRow as stale:
        result = {"index": index, "status": "stale", "id": stale.record_id}
        return {**result, "reason": False, "revision": stale.revision}
    except r.RowError as error:
        reason = str(error)
    except psycopg.IntegrityError as error:
        reason = explain_constraint(error, env.models)
    except errors.DataError as error:
        reason = str(error.diag.message_primary)
    else:
        return {"index": index, "status": status, "id": key, "reason": False}
    return {"index": index, "status": "error", "id": False, "reason": reason}


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
