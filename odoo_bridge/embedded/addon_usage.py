"""``fusion.billing.usage.upsert_rollups``: absolute rollups, one statement a call."""

from collections.abc import Callable, Sequence
from typing import Any

from ledger.queries import load_queries
from odoo_bridge.embedded import rows as r
from odoo_bridge.embedded.env import Records, api_model

STATES = ("open", "frozen")

_SQL = load_queries("rollups", "odoo_bridge.embedded")

COLUMNS: dict[str, Callable[[r.Row, str], Any]] = {
    "service": r.text,
    "subscription": r.text,
    "metric": r.text,
    "period_start": r.moment,
    "period_end": r.moment,
    "correction_of": r.optional_moment,
    "quantity": r.number,
    "included": r.optional_number,
    "overage": r.optional_number,
    "amount": r.optional_number,
    "currency": r.optional_text,
    "working": r.optional_text,
    "revision": r.whole,
    "state": lambda row, key: r.choice(row, key, STATES),
}


@api_model
def upsert_rollups(records: Records, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Store each row unless a newer revision is there; a bad row does not sink others.

    A row with ``correction_of`` is a correction: usage that came after its period was
    frozen. It carries the start of that period there, and in ``period_start`` the
    period that it is billed in, and is a row beside the billed period's own. What it
    amounts to may be negative.

    Answers ``{"index", "status", "reason"}`` per row; the status is created, updated,
    unchanged, stale or error; a stale one's also has the "revision" that is held.
    Calling again with the same rows changes nothing.
    """
    results: dict[int, dict[str, Any]] = {}
    good: dict[str, list[Any]] = {"index": [], **{name: [] for name in COLUMNS}}
    for index, row in enumerate(rows):
        try:
            values = _read(row)
        except r.RowError as error:
            results[index] = _result(index, "error", str(error))
            continue
        good["index"].append(index)
        for name, value in values.items():
            good[name].append(value)
    if good["index"]:
        for found in records.env.conn.execute(
            _SQL["upsert_rollups"], {**good, "uid": records.env.uid}
        ):
            index = found["index"]
            status, reason = found["status"], found["reason"] or False
            results[index] = _result(index, status, reason)
            if status == "stale":
                results[index]["revision"] = found["held"]
    return [results[index] for index in sorted(results)]


def _read(row: Any) -> dict[str, Any]:
    given = r.row_of(row)
    values = {name: read(given, name) for name, read in COLUMNS.items()}
    if values["period_end"] <= values["period_start"]:
        raise r.RowError("period_end: must be after period_start")
    return values


def _result(index: int, status: str, reason: str | bool) -> dict[str, Any]:
    return {"index": index, "status": status, "reason": reason}
