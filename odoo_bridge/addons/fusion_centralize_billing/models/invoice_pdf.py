"""``fusion.billing.service.invoice_pdf``: an invoice as Odoo's report prints it."""

import base64
from contextlib import closing

from odoo import api, models

from .invoice_rows import read_invoices

REPORT = "account.account_invoices"
NO_ENGINE = ("install", "broken")


class Service(models.Model):
    """What the bridge shows apps of an invoice."""

    _inherit = "fusion.billing.service"

    @api.model
    def invoice_pdf(self, move_id, max_bytes):
        """The PDF of a customer's invoice, of the caller's companies.

        The one that was sent, else what Odoo's report makes now. Answers ``{"row",
        "pdf", "reason"}``: the row as export_catalog has it in the same transaction, by
        which the caller sees whether it is what it means; the PDF in base64. Where
        there is none it is False, and the reason is gone, no_report_engine
        (wkhtmltopdf is missing or broken here) or too_large. Sends, posts and writes
        nothing.
        Raises AccessError for a user who is not the bridge.
        """
        env = self._as_bridge().env
        env.flush_all()
        page = {"after_id": 0, "limit": 1, "company_ids": env.companies.ids}
        page |= {"everything": False, "since": None, "ids": [move_id]}
        rows = read_invoices(env, page)
        if not rows:
            return {"row": False, "pdf": False, "reason": "gone"}
        content, reason = self._x_fc_print(env["account.move"].browse(move_id))
        if content and len(content) > max_bytes:
            content, reason = b"", "too_large"
        pdf = base64.b64encode(content).decode() if content else False
        return {"row": rows[0], "pdf": pdf, "reason": reason}

    def _x_fc_print(self, move):
        """The PDF's bytes, or a reason why there are none."""
        sent = move.invoice_pdf_report_id
        if sent and move.state == "posted":
            return sent.raw, False
        reports = move.with_company(move.company_id).env["ir.actions.report"]
        if reports.get_wkhtmltopdf_state() in NO_ENGINE:
            return b"", "no_report_engine"
        # Rendering computes fields, which marks the invoice as written: it would be
        # pulled as changed, and its PDF be out of date as soon as it is stored.
        with closing(self.env.cr.savepoint()):
            content, kind = reports._render_qweb_pdf(REPORT, [move.id])
        return (content, False) if kind == "pdf" else (b"", "no_report_engine")
