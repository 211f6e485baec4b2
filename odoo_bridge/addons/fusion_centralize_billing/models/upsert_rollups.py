"""``fusion.billing.usage.upsert_rollups``: absolute rollups, one statement a call."""

from odoo import api, models

from . import rows as r
from .queries import load_queries
from .usage import STATES

COLUMNS = {
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
CHANGING = (
    "period_end",
    "quantity",
    "included",
    "overage",
    "amount",
    "currency",
    "working",
    "revision",
    "state",
)


class Usage(models.Model):
    """What the bridge writes."""

    _inherit = "fusion.billing.usage"

    @api.model
    def upsert_rollups(self, rows):
        """Store each row unless a newer revision is there; a bad row sinks no others.

        A row with ``correction_of`` is a correction: usage that came after its period
        was frozen. It carries the start of that period there, and in ``period_start``
        the period that it is billed in, and is a row beside the billed period's own.
        What it amounts to may be negative.

        Answers ``{"index", "status", "reason"}`` per row; the status is created,
        updated, unchanged, stale or error; a stale one's also has the "revision" that
        is held. Calling again with the same rows changes nothing. Services of other
        companies are unknown.

        It is SQL, past the ORM: access is checked here, and caches are put right after.
        """
        self.check_access("create")
        self.check_access("write")
        results = {}
        good = {"index": [], **{name: [] for name in COLUMNS}}
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
            for found in self._upsert_columns(good):
                index, status = found["index"], found["status"]
                results[index] = _result(index, status, found["reason"] or False)
                if status == "stale":
                    results[index]["revision"] = found["held"]
        return [results[index] for index in sorted(results)]

    def _upsert_columns(self, columns):
        env = self.env
        env.flush_all()
        env.cr.execute(
            load_queries("rollups")["upsert_rollups"],
            {**columns, "uid": env.uid, "company_ids": env.companies.ids},
            log_exceptions=False,
        )
        found = env.cr.dictfetchall()
        self.invalidate_model(flush=False)
        written = [row["written"] for row in found if row["written"]]
        self.sudo().browse(written).modified(CHANGING)
        return found


def _read(row):
    given = r.row_of(row)
    values = {name: read(given, name) for name, read in COLUMNS.items()}
    if values["period_end"] <= values["period_start"]:
        raise r.RowError("period_end: must be after period_start")
    return values


def _result(index, status, reason):
    return {"index": index, "status": status, "reason": reason}
