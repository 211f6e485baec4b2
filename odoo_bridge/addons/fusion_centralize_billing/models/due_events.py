"""Events that come by the mere time: invoices overdue, subscriptions ended."""

from odoo import api, fields, models

from .telling import day, event_row, fetch, public_id, run, tell

PAGE = 500


class AccountMove(models.Model):
    """An invoice knows the due date that it has been told to be overdue for."""

    _inherit = "account.move"

    x_fc_overdue_told = fields.Date(
        string="Told to Be Overdue", copy=False, readonly=True
    )


class Webhook(models.Model):
    """What the addon's own scheduled action looks for."""

    _inherit = "fusion.billing.webhook"

    @api.model
    def _cron_tell(self):
        """Tell of what has become due by now, page by page.

        Safe to repeat, and to run twice at once: what has been told is noted in the
        same transaction, and an invoice's event has the same key each time.
        """
        crons = self.env["ir.cron"]
        in_cron = self.env.context.get("ir_cron_progress_id")
        for tell_page in (self._tell_overdue, self._tell_ended):
            while done := tell_page(self.env.cr.now()):
                if in_cron and not crons._commit_progress(done, remaining=done):
                    return  # out of time: what is left is told by the next run
        if in_cron:
            crons._commit_progress(0, remaining=0)

    def _tell_overdue(self, now):
        """One event per invoice and due date; answers how many invoices it looked at.

        ``now`` is naive UTC.
        """
        self.env.flush_all()
        rows = fetch(self.env, "overdue_moves", now=now, limit=PAGE)
        if not rows:
            return 0
        due = {row["id"]: day(row["invoice_date_due"]) for row in rows}
        moves = self.env["account.move"].sudo().browse(list(due))
        events = []
        for move_id, services in moves._x_fc_told(list(due)).items():
            invoice = public_id(self.env, "account.move", move_id)
            for service in services:
                key = f"overdue.{invoice}.{due[move_id]}.{service['id']}"
                name = "invoice.payment_overdue"
                events.append(event_row(service["id"], name, service["build"], key))
        tell(self.env, events)
        run(self.env, "mark_overdue", ids=tuple(due))
        moves.invalidate_recordset(["x_fc_overdue_told"], flush=False)
        return len(rows)

    def _tell_ended(self, now):
        """Subscriptions whose end has come; answers how many it looked at."""
        self.env.flush_all()
        rows = fetch(self.env, "ended_orders", now=now, limit=PAGE)
        if not rows:
            return 0
        orders = self.env["sale.order"].sudo().browse([row["id"] for row in rows])
        tell(self.env, orders._x_fc_events(orders._x_fc_seen()))
        return len(rows)
