"""``fusion.billing.service.export_catalog``: the catalog by pages."""

from typing import Any

from ledger.queries import load_queries
from odoo_bridge.embedded.env import Records, api_model
from odoo_bridge.embedded.errors import ValidationError
from odoo_bridge.embedded.models import Field
from odoo_bridge.embedded.values import to_wire

KINDS = ("service", "metric", "plan", "customer", "subscription")
MAX_ROWS = 1000

_PLAIN = Field("char", "")
_SQL = load_queries("export", "odoo_bridge.embedded")


@api_model
def export_catalog(
    records: Records, kind: str, after_id: int = 0, limit: int = MAX_ROWS
) -> dict[str, Any]:
    """Rows past ``after_id`` in apply_catalog's shape, with "id" and "write_date".

    Answers ``{"rows": [...], "last_id": int}``; no rows means that all were seen. At
    most 1,000 rows a call. Raises ValidationError on a kind that there is not.
    """
    if kind not in KINDS:
        raise ValidationError(f"Unknown kind {kind!r}: one of {', '.join(KINDS)}.")
    conn = records.env.conn
    found = conn.execute(
        _SQL[f"export_{kind}"],
        {"after_id": after_id, "limit": min(limit or MAX_ROWS, MAX_ROWS)},
    ).fetchall()
    rows = [_wire(row) for row in found]
    if kind == "plan":
        charges: dict[int, list[dict[str, Any]]] = {row["id"]: [] for row in rows}
        for charge in conn.execute(_SQL["export_charges"], {"plan_ids": list(charges)}):
            charges[charge.pop("plan_id")].append(_wire(charge))
        rows = [{**row, "charges": charges[row["id"]]} for row in rows]
    return {"rows": rows, "last_id": rows[-1]["id"] if rows else after_id}


def _wire(row: dict[str, Any]) -> dict[str, Any]:
    return {name: to_wire(_PLAIN, value) for name, value in row.items()}
