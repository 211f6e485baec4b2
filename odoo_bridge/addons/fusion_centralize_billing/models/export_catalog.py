"""``fusion.billing.service.export_catalog``: catalog and invoices, by pages."""

from datetime import date, datetime

from odoo import api, models
from odoo.exceptions import ValidationError

from . import apply_catalog
from . import rows as r
from .queries import load_queries
from .telling import public_id

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
            rows = _read(env, "export_invoice", "export_invoice", page)
            _nest(env, rows, "lines", ("export_invoice", "export_invoice_lines"))
            _nest(env, rows, "taxes", ("export_invoice", "export_invoice_taxes"))
            _name(env, rows)
        else:
            rows = _read(env, "export", f"export_{kind}", page)
        if kind == "plan":
            _nest(env, rows, "charges", ("export", "export_charges"))
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


def _nest(env, rows, name, query):
    """Give each row the rows of the query that belong to it, under that name."""
    parent = {"charges": "plan_id"}.get(name, "move_id")
    for row in rows:
        row[name] = []
    by_id = {row["id"]: row[name] for row in rows}
    for part in _read(env, *query, {f"{parent}s": list(by_id)}):
        by_id[part.pop(parent)].append(part)


def _name(env, rows):
    """Give invoices the id that apps know them by, and that events tell."""
    for row in rows:
        row["public_id"] = public_id(env, "account.move", row["id"])
        if row["reversed_id"]:
            row["reversed_id"] = public_id(env, "account.move", row["reversed_id"])


def _read(env, file_name, query, values):
    env.cr.execute(load_queries(file_name)[query], values)
    return [
        {name: _wire(value) for name, value in row.items()}
        for row in env.cr.dictfetchall()
    ]


def _wire(value):
    if isinstance(value, datetime):
        return value.strftime(r.DATETIME_FORMAT)
    if isinstance(value, date):
        return value.strftime(r.DATE_FORMAT)
    return False if value is None else value
