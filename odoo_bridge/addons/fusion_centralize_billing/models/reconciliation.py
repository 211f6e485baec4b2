"""``fusion.billing.reconciliation``: where the ledger and Odoo say different things."""

from odoo import fields, models

from .metric import titled

KINDS = ("usage", "catalog", "invoice", "dual_run")
LEVELS = ("info", "warning", "drift", "failed")


class Reconciliation(models.Model):
    """One difference that a comparison found, with both values as text.

    It is kept when it is gone, as resolved.
    """

    _name = "fusion.billing.reconciliation"
    _description = "Billing Reconciliation"
    _rec_name = "subject"
    _order = "checked_at desc, id desc"

    service_id = fields.Many2one(
        "fusion.billing.service", required=True, index=True, ondelete="restrict"
    )
    kind = fields.Selection(titled(KINDS), required=True)
    level = fields.Selection(titled(LEVELS), required=True, default="drift")
    subject = fields.Char(required=True, help="The row, by its external codes.")
    field = fields.Char(string="Value of")
    ledger_value = fields.Char()
    odoo_value = fields.Char(string="Odoo Value")
    usage_id = fields.Many2one("fusion.billing.usage", ondelete="set null")
    checked_at = fields.Datetime(required=True, default=fields.Datetime.now)
    resolved = fields.Boolean(help="The last check did not find it any more.")

    # A difference that is found every night is one row.
    _key_uniq = models.UniqueIndex(
        "(service_id, kind, subject, field)",
        "A difference is noted once.",
    )
