"""``fusion.billing.usage.export_usage`` and ``find_usage``: usage rows read back."""

from datetime import datetime

from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from . import applying as a
from . import rows as r
from .queries import load_queries
from .upsert_rollups import COLUMNS

MAX_ROWS = 1000
CODES = ("service", "subscription", "metric")
KEY = (*CODES, "period_start", "correction_of")


class Usage(models.Model):
    """What the bridge compares with the ledger."""

    _inherit = "fusion.billing.usage"

    @api.model
    def export_usage(self, after_id=0, limit=MAX_ROWS, service=False):
        """Rows past ``after_id``, of all services or of one, in upsert_rollups' shape.

        Each also has "id", "write_date", and of the invoice line that bills it
        "billed", the amount before taxes, and "invoice"; False: none does. Answers
        ``{"rows": [...], "last_id": int}``; no rows means that all were seen. At most
        1,000 rows a call, of the caller's companies. Raises AccessError for a user who
        is not the bridge.
        """
        env = self.env[a.SERVICE]._as_bridge().env
        page = {
            "after_id": after_id,
            "limit": min(limit or MAX_ROWS, MAX_ROWS),
            "service": service or None,
        }
        rows = _read(env, "page_of_usage", page)
        return {"rows": rows, "last_id": rows[-1]["id"] if rows else after_id}

    @api.model
    def find_usage(self, keys):
        """The rows that have these keys, as export_usage shows them; by id.

        A key is ``{service, subscription, metric, period_start, correction_of}``; one
        that no row has is left out. At most 1,000 keys a call. Raises ValidationError
        on a key that is none, and AccessError for a user who is not the bridge.
        """
        env = self.env[a.SERVICE]._as_bridge().env
        if len(keys) > MAX_ROWS:
            raise ValidationError(f"At most {MAX_ROWS} keys a call.")
        try:
            wanted = [[COLUMNS[n](r.row_of(key), n) for n in KEY] for key in keys]
        except r.RowError as error:
            raise ValidationError(str(error)) from error
        columns = list(zip(*wanted, strict=True)) or [()] * len(KEY)
        return _read(
            env,
            "usage_of_keys",
            {name: list(c) for name, c in zip(KEY, columns, strict=True)},
        )


def _read(env, query, values):
    env.flush_all()
    queries = load_queries("usage")
    env.cr.execute(queries[query], {**values, "company_ids": env.companies.ids})
    ids = [key for (key,) in env.cr.fetchall()]
    env.cr.execute(SQL(queries["read_usage"], columns=_columns(env), ids=ids))
    return [
        {name: _wire(value) for name, value in row.items()}
        for row in env.cr.dictfetchall()
    ]


def _columns(env):
    """All that upsert_rollups takes, beside the codes; exact numbers as text."""
    usage = env[a.USAGE]
    return SQL(", ").join(
        SQL("%s AS %s", usage._field_to_sql("u", name), SQL.identifier(name))
        for name in COLUMNS
        if name not in CODES
    )


def _wire(value):
    if isinstance(value, datetime):
        return value.strftime(r.DATETIME_FORMAT)
    return False if value is None else value
