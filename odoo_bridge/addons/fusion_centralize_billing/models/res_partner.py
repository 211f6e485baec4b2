"""What the addon keeps on a client."""

from odoo import api, fields, models


class Partner(models.Model):
    """A client: one for all services."""

    _inherit = "res.partner"

    x_fc_from_catalog = fields.Boolean(
        string="Made by a Service's Catalog", copy=False, readonly=True
    )
    x_fc_stripe_customer = fields.Char(string="Stripe Customer", copy=False)
    # For who may read links: others read a client without them, instead of not at all.
    x_fc_link_ids = fields.One2many(
        "fusion.billing.account.link",
        "partner_id",
        string="Account Links",
        groups="fusion_centralize_billing.group_billing_user",
    )
    x_fc_usage_count = fields.Integer(
        string="Usage", compute="_compute_x_fc_usage_count"
    )

    # Two catalogs that bring one new client at once make one client: the second waits
    # here, is refused, is tried again and finds the first's.
    _x_fc_email_uniq = models.UniqueIndex(
        "(lower(email_normalized)) WHERE x_fc_from_catalog AND active",
        "Another client that came from a catalog has this e-mail address.",
    )
    _x_fc_email_idx = models.Index("(lower(email_normalized))")

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_x_fc_usage_count(self):
        usage = self.env["fusion.billing.usage"]
        if not usage.has_access("read"):
            self.x_fc_usage_count = 0
            return
        for partner in self:
            domain = [("subscription_id.partner_id", "=", partner.id)]
            partner.x_fc_usage_count = usage.search_count(domain)

    def action_x_fc_usage(self):
        """The usage of this client's subscriptions."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "fusion_centralize_billing.action_usage"
        )
        return {**action, "domain": [("subscription_id.partner_id", "in", self.ids)]}
