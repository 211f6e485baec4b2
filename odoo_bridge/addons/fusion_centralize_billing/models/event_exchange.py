"""``fusion.billing.webhook``: how the bridge takes events, and says that it has."""

from datetime import timedelta

from odoo import api, models
from odoo.exceptions import UserError

from . import applying as a
from . import rows as r
from .rows import DATETIME_FORMAT
from .telling import fetch

MAX_ROWS = 500
KEPT = timedelta(days=90)
VACUUM_ROWS = 5_000
OUTCOMES = ("taken", "failed")


class Webhook(models.Model):
    """Fetched by their state, so that an event that commits late is not missed."""

    _inherit = "fusion.billing.webhook"

    @api.model
    def fetch_events(self, after_id=0, limit=MAX_ROWS):
        """Pending events of the caller's companies past ``after_id``, oldest first.

        Answers at most 500 of ``{"id", "key", "service", "event", "payload",
        "created_at"}``; the payload is JSON text. An event of a service in shadow waits
        until the service is live. Changes nothing. Raises AccessError for a user who
        is not the bridge.
        """
        env = self.env[a.SERVICE]._as_bridge().env
        env.flush_all()
        rows = fetch(
            env,
            "pending_events",
            after_id=after_id,
            limit=max(1, min(limit or MAX_ROWS, MAX_ROWS)),
            company_ids=env.companies.ids,
        )
        for row in rows:
            row["payload"] = row["payload"] or "null"
            row["created_at"] = row["created_at"].strftime(DATETIME_FORMAT)
        return rows

    @api.model
    def mark_events(self, rows):
        """Note what became of events: ``{key, state, reason}``, taken or failed.

        Answers ``{"index", "status", "id", "reason"}`` per row; the status is updated,
        unchanged (it is not pending any more) or error. Safe to repeat: an event that
        is not pending stays as it is. Raises AccessError for a user who is not the
        bridge.
        """
        env = self.env[a.SERVICE]._as_bridge().env
        return a.apply_rows(env, rows, _mark)

    def action_send_again(self):
        """Have failed events fetched once more."""
        self.check_access("write")
        if self.filtered(lambda event: event.state != "failed" or not event.payload):
            raise UserError(self.env._("Only a failed event can be sent again."))
        self.write({"state": "pending", "reason": False})

    @api.autovacuum
    def _gc_taken(self):
        """Remove what was taken 90 days ago; the ledger remembers its key."""
        limit = self.env.cr.now() - KEPT
        domain = [("state", "=", "taken"), ("write_date", "<", limit)]
        old = self.sudo().search(domain, limit=VACUUM_ROWS, order="id")
        old.unlink()
        return len(old), len(old) == VACUUM_ROWS  # the latter has it called again


def _mark(env, row):
    key = r.text(row, "key")
    state = r.choice(row, "state", OUTCOMES)
    companies = env.companies.ids
    event = env["fusion.billing.webhook"].search(
        [("key", "=", key), ("service_id.company_id", "in", companies)]
    )
    if not event:
        raise r.RowError(f"key: unknown key {key!r}")
    if event.state != "pending":
        return event.id, "unchanged"
    event.write({"state": state, "reason": r.optional_text(row, "reason")})
    return event.id, "updated"
