"""``fusion.billing.service.export_catalog``: the catalog by pages."""

from datetime import datetime

from odoo import api, models
from odoo.exceptions import ValidationError

from .apply_catalog import KINDS
from .queries import load_queries
from .rows import DATETIME_FORMAT

MAX_ROWS = 1000


class Service(models.Model):
    """What the bridge takes from the catalog."""

    _inherit = "fusion.billing.service"

    @api.model
    def export_catalog(self, kind, after_id=0, limit=MAX_ROWS):
        """Rows past ``after_id`` in apply_catalog's shape, with "id" and "write_date".

        Answers ``{"rows": [...], "last_id": int}``; no rows means that all were seen.
        At most 1,000 rows a call, of the caller's companies. Raises ValidationError on
        a kind that there is not, and AccessError for a user who is not the bridge.
        """
        env = self._as_bridge().env
        if kind not in KINDS:
            names = ", ".join(KINDS)
            raise ValidationError(f"Unknown kind {kind!r}: one of {names}.")
        env.flush_all()
        page = {
            "after_id": after_id,
            "limit": min(limit or MAX_ROWS, MAX_ROWS),
            "company_ids": env.companies.ids,
        }
        rows = _read(env, f"export_{kind}", page)
        if kind == "plan":
            charges = {row["id"]: [] for row in rows}
            for charge in _read(env, "export_charges", {"plan_ids": list(charges)}):
                charges[charge.pop("plan_id")].append(charge)
            rows = [{**row, "charges": charges[row["id"]]} for row in rows]
        return {"rows": rows, "last_id": rows[-1]["id"] if rows else after_id}


def _read(env, query, values):
    env.cr.execute(load_queries("export")[query], values)
    return [
        {name: _wire(value) for name, value in row.items()}
        for row in env.cr.dictfetchall()
    ]


def _wire(value):
    if isinstance(value, datetime):
        return value.strftime(DATETIME_FORMAT)
    return False if value is None else value
