"""What a row says of the app's change that it carries: its revision, and its fields.

A row of a catalog file carries none, and is applied as a whole. One that carries a
revision is taken once: Odoo, which owns what it has taken, may have changed it since.
"""

from collections.abc import Callable
from typing import Any

from odoo_bridge.embedded import rows as r
from odoo_bridge.embedded.applying import SQL, StaleRow, one, upsert
from odoo_bridge.embedded.env import Env

COLUMNS = {"archived": "active"}
"""Where a column of a metric or plan is not named as the row's key is."""


def read_revision(row: r.Row) -> int:
    """The revision of the change, 0: the row is no app's change. Raises RowError."""
    return r.whole(row, "revision", default=0)


def read_changed(row: r.Row) -> frozenset[str] | None:
    """The keys that the app changed; None: all of the row counts. Raises RowError."""
    changed = row.get("changed")
    if changed is None or changed is False:
        return None
    if not isinstance(changed, list | tuple) or not all(
        isinstance(key, str) for key in changed
    ):
        raise r.RowError("changed: must be a list of keys")
    return frozenset(changed)


def is_taken(record_id: int, revision: int, held: int) -> bool:
    """Whether a record has the revision. Raises StaleRow when it has a newer one."""
    if revision and revision < held:
        raise StaleRow(record_id, held)
    return bool(revision) and revision == held


def apply_change(
    env: Env,
    kind: str,
    row: r.Row,
    key: dict[str, Any],
    values: dict[str, Any],
    check: Callable[[Env, dict[str, Any], dict[str, Any]], None],
) -> tuple[int, str, frozenset[str] | None]:
    """Put the metric or plan of that key; of an app's change what was changed of it.

    ``check(env, held, values)`` may refuse the values; ``held`` is empty for a new one.
    Answers its id, the status, and which keys of the row were taken: None for all of
    them, none for a revision that it has. Raises StaleRow.
    """
    revision, changed = read_revision(row), read_changed(row)
    held = one(env, f"held_{kind}", key)
    if held and is_taken(held["id"], revision, held["revision"] or 0):
        return held["id"], "unchanged", frozenset()
    if held is None:
        changed = None
    if changed is not None:
        taken = {COLUMNS.get(word, word) for word in changed}
        values = {name: value for name, value in values.items() if name in taken}
    check(env, held or {}, values)
    whole = {**_NEW[kind], **(held or {}), **values, **key}
    record_id, status = upsert(env, f"apply_{kind}", **whole)
    if revision:
        note = {"id": record_id, "revision": revision, "uid": env.uid}
        env.conn.execute(SQL[f"note_{kind}"], note)
    return record_id, status, changed


_NEW: dict[str, dict[str, Any]] = {
    "metric": {
        "field_name": None,
        "description": None,
        "filters": None,
        "active": True,
    },
    "plan": {"description": None, "usage_thresholds": None, "active": True},
}
"""What a new record has of what the row does not tell."""
