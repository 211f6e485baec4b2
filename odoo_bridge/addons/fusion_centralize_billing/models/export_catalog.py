"""``fusion.billing.service.export_catalog``: catalog and invoices, by pages."""

from odoo import api, models
from odoo.exceptions import ValidationError

from . import apply_catalog
from . import rows as r
from .exported_rows import nest_rows, read_rows
from .invoice_rows import read_invoices

KINDS = (*apply_catalog.KINDS, "invoice")
MAX_ROWS = 1000


class Service(models.Model):
    """What the bridge takes from Odoo."""

    _inherit = "fusion.billing.service"

    @api.model
    def export_catalog(
        self, kind, after_id=0, limit=MAX_ROWS, since=False, record_ids=False
    ):
        """Rows past ``after_id`` in apply_catalog's shape, with "id" and "write_date".

        With ``since`` (UTC) only those whose ``write_date`` is not earlier; with
        ``record_ids`` those as well. They come by rising id, so that a row that changes
        between two pages is on the later one, or has been passed and carries a date
        that the next horizon (see read_horizon) leaves open. An invoice has amounts as
        text, in its currency and of its ``move_type``'s sign, "lines" and "taxes".

        Answers ``{"rows": [...], "last_id": int}``; no rows means that all were seen.
        At most 1,000 rows a call, of the caller's companies. Raises ValidationError on
        a kind that there is not and on values of another type, and AccessError for a
        user who is not the bridge.
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
            **_chosen(since, record_ids),
        }
        if kind == "invoice":
            rows = read_invoices(env, page)
        else:
            rows = read_rows(env, "export", f"export_{kind}", page)
        if kind == "plan":
            nest_rows(env, rows, "charges", ("export", "export_charges"), "plan_id")
        return {"rows": rows, "last_id": rows[-1]["id"] if rows else after_id}


def _chosen(since, record_ids):
    """What the queries choose by; "ids" itself is JSON-2's own word for records."""
    try:
        since = r.optional_moment({"since": since}, "since")
    except r.RowError as error:
        raise ValidationError(str(error)) from error
    ids = [] if record_ids is False or record_ids is None else record_ids
    if not isinstance(ids, list) or not all(
        type(key) is int and 0 <= key <= r.MAX_INT4 for key in ids
    ):
        raise ValidationError("record_ids: must be a list of ids")
    return {"everything": since is None and not ids, "since": since, "ids": ids}
