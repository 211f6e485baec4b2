"""``fusion.billing.service.export_catalog``: catalog and invoices, by pages."""

from typing import Any

from ledger.queries import load_queries
from odoo_bridge.embedded import rows as r
from odoo_bridge.embedded.env import Records, api_model
from odoo_bridge.embedded.errors import ValidationError
from odoo_bridge.embedded.models import Field
from odoo_bridge.embedded.public_ids import public_id
from odoo_bridge.embedded.values import to_wire

KINDS = ("service", "metric", "plan", "customer", "subscription", "invoice")
MAX_ROWS = 1000

_PLAIN = Field("char", "")
_SQL = {
    **load_queries("export", "odoo_bridge.embedded"),
    **load_queries("export_invoice", "odoo_bridge.embedded"),
}
_PARTS = {
    "plan": ("charges", "plan_id", "export_charges"),
    "invoice": ("lines", "move_id", "export_invoice_lines"),
}


@api_model
def export_catalog(
    records: Records,
    kind: str,
    after_id: int = 0,
    limit: int = MAX_ROWS,
    since: Any = False,
    record_ids: Any = False,
) -> dict[str, Any]:
    """Rows past ``after_id`` in apply_catalog's shape, with "id" and "write_date".

    With ``since`` (UTC) only those whose ``write_date`` is not earlier; with
    ``record_ids`` those as well. An invoice has amounts as text, "lines" and "taxes",
    of which there are none here.

    Answers ``{"rows": [...], "last_id": int}``; no rows means that all were seen. At
    most 1,000 rows a call. Raises ValidationError on a kind that there is not and on
    values of another type.
    """
    if kind not in KINDS:
        raise ValidationError(f"Unknown kind {kind!r}: one of {', '.join(KINDS)}.")
    page = {"after_id": after_id, "limit": min(limit or MAX_ROWS, MAX_ROWS)}
    rows = _read(records, f"export_{kind}", {**page, **_chosen(since, record_ids)})
    if kind in _PARTS:
        name, parent, query = _PARTS[kind]
        parts: dict[int, list[dict[str, Any]]] = {row["id"]: [] for row in rows}
        for part in _read(records, query, {f"{parent}s": list(parts)}):
            parts[part.pop(parent)].append(part)
        rows = [{**row, name: parts[row["id"]]} for row in rows]
    if kind == "invoice":
        rows = [_named(row) for row in rows]
    return {"rows": rows, "last_id": rows[-1]["id"] if rows else after_id}


def _named(row: dict[str, Any]) -> dict[str, Any]:
    """An invoice with the id that apps know it by, and that events tell."""
    reversed_id = row["reversed_id"]
    return {
        **row,
        "public_id": public_id("account.move", row["id"]),
        "reversed_id": reversed_id and public_id("account.move", reversed_id),
        "taxes": [],
    }


def _chosen(since: Any, ids: Any) -> dict[str, Any]:
    try:
        moment = r.optional_moment({"since": since}, "since")
    except r.RowError as error:
        raise ValidationError(str(error)) from error
    ids = [] if ids is False or ids is None else ids
    if not isinstance(ids, list) or not all(
        type(key) is int and 0 <= key <= r.MAX_INT4 for key in ids
    ):
        raise ValidationError("record_ids: must be a list of ids")
    return {"everything": moment is None and not ids, "since": moment, "ids": ids}


def _read(records: Records, query: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    found = records.env.conn.execute(_SQL[query], values)
    return [
        {name: to_wire(_PLAIN, value) for name, value in row.items()} for row in found
    ]
