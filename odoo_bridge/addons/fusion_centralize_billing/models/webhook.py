"""``fusion.billing.webhook``: lifecycle events on their way out to the services."""

import json

from odoo import api, fields, models

from .metric import titled

STATES = ("pending", "taken", "failed")


class Webhook(models.Model):
    """One event of a service, until the bridge has put it in the ledger's outbox."""

    _name = "fusion.billing.webhook"
    _description = "Billing Webhook Event"
    _rec_name = "event"
    _order = "id desc"

    service_id = fields.Many2one(
        "fusion.billing.service", required=True, index=True, ondelete="restrict"
    )
    key = fields.Char(required=True, help="One event has one key, however often told.")
    event = fields.Char(required=True, help="Its type, such as invoice.paid.")
    payload = fields.Json(string="Payload Sent")
    payload_text = fields.Text(string="Payload", compute="_compute_payload_text")
    state = fields.Selection(titled(STATES), required=True, default="pending")
    reason = fields.Char(help="Why it failed.")

    _key_uniq = models.Constraint("UNIQUE(key)", "An event is told once.")
    _pending_idx = models.Index("(id) WHERE state = 'pending'")

    @api.depends("payload")
    def _compute_payload_text(self):
        for event in self:
            text = json.dumps(event.payload, indent=2, ensure_ascii=False)
            event.payload_text = text if event.payload else False
