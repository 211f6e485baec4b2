"""``fusion.billing.account.link``: which client an app's customer is."""

from odoo import fields, models


class AccountLink(models.Model):
    """A service's external customer, and the one client that it stands for."""

    _name = "fusion.billing.account.link"
    _description = "Billing Account Link"
    _rec_name = "external_id"

    service_id = fields.Many2one(
        "fusion.billing.service", required=True, index=True, ondelete="restrict"
    )
    external_id = fields.Char(string="External Customer", required=True)
    partner_id = fields.Many2one(
        "res.partner", string="Client", required=True, index=True, ondelete="restrict"
    )
    email = fields.Char(related="partner_id.email")
    revision = fields.Integer(readonly=True, copy=False)  # of the app's last change

    _external_uniq = models.Constraint(
        "UNIQUE(service_id, external_id)",
        "An external customer id must be unique within its service.",
    )
    _external_check = models.Constraint(
        "CHECK(external_id <> '')", "An external customer id must not be empty."
    )

    def write(self, vals):
        """A client's other links may name an order's customer once this one is gone."""
        if {"partner_id", "service_id"} & vals.keys():
            self._touch_others()
        return super().write(vals)

    def unlink(self):
        """As ``write``."""
        self._touch_others()
        return super().unlink()

    def _touch_others(self):
        for link in self:
            others = self.search(
                [
                    ("service_id", "=", link.service_id.id),
                    ("partner_id", "=", link.partner_id.id),
                    ("id", "not in", self.ids),
                ]
            )
            for other in others:
                other.write({"external_id": other.external_id})
