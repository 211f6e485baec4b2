"""``fusion.billing.usage.export_usage`` and ``find_usage``: usage rows read back."""

from collections.abc import Sequence
from typing import Any

from ledger.queries import load_queries
from odoo_bridge.embedded import rows as r
from odoo_bridge.embedded.addon_usage import COLUMNS
from odoo_bridge.embedded.env import Env, Records, api_model
from odoo_bridge.embedded.errors import ValidationError
from odoo_bridge.embedded.models import Field
from odoo_bridge.embedded.values import to_wire

MAX_ROWS = 1000
KEY = ("service", "subscription", "metric", "period_start", "correction_of")
SHOWN = ("id", *COLUMNS, "write_date", "billed", "invoice")

_PLAIN = Field("char", "")
_SQL = load_queries("usage", "odoo_bridge.embedded")


@api_model
def export_usage(
    records: Records, after_id: int = 0, limit: int = MAX_ROWS, service: Any = False
) -> dict[str, Any]:
    """Rows past ``after_id``, of all services or of one, in upsert_rollups' shape.

    Each also has "id", "write_date", and of the invoice line that bills it "billed",
    the amount before taxes, and "invoice"; False: none does. Answers
    ``{"rows": [...], "last_id": int}``; no rows means that all were seen. At most 1,000
    rows a call.
    """
    page = {"after_id": after_id, "limit": min(limit or MAX_ROWS, MAX_ROWS)}
    rows = _read(records.env, "page_of_usage", {**page, "service": service or None})
    return {"rows": rows, "last_id": rows[-1]["id"] if rows else after_id}


@api_model
def find_usage(records: Records, keys: Sequence[Any]) -> list[dict[str, Any]]:
    """The rows that have these keys, as export_usage shows them; by id.

    A key is ``{service, subscription, metric, period_start, correction_of}``; one that
    no row has is left out. At most 1,000 keys a call. Raises ValidationError on a key
    that is none.
    """
    if len(keys) > MAX_ROWS:
        raise ValidationError(f"At most {MAX_ROWS} keys a call.")
    try:
        wanted = [[COLUMNS[n](r.row_of(key), n) for n in KEY] for key in keys]
    except r.RowError as error:
        raise ValidationError(str(error)) from error
    columns: dict[str, list[Any]] = {
        name: [values[place] for values in wanted] for place, name in enumerate(KEY)
    }
    return _read(records.env, "usage_of_keys", columns)


def _read(env: Env, query: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    ids = [row["id"] for row in env.conn.execute(_SQL[query], values)]
    return [
        {name: to_wire(_PLAIN, row[name]) for name in SHOWN}
        for row in env.conn.execute(_SQL["read_usage"], {"ids": ids})
    ]
