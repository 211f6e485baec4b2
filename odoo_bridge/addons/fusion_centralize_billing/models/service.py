"""``fusion.billing.service``: a source app, its mode, and where it listens."""

import re

from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError

BRIDGE_GROUPS = (
    "fusion_centralize_billing.group_billing_bridge",
    "fusion_centralize_billing.group_billing_manager",
)

_SHA256 = re.compile(r"[0-9a-f]{64}")


class Service(models.Model):
    """One service; its catalog, links and usage name it."""

    _name = "fusion.billing.service"
    _description = "Billing Service"
    _order = "code"

    code = fields.Char(required=True)
    name = fields.Char(required=True)
    mode = fields.Selection(
        [("shadow", "Shadow"), ("live", "Live")],
        required=True,
        default="shadow",
        help="In shadow nothing is charged, posted or sent.",
    )
    company_id = fields.Many2one(
        "res.company",
        required=True,
        index=True,
        default=lambda self: self.env.company,
    )
    product_id = fields.Many2one(
        "product.product",
        string="Product of Its Lines",
        check_company=True,
        help="Names the account and the taxes of a charge that has no product.",
    )
    webhook_url = fields.Char(string="Webhook URL")
    key_hashes = fields.Text(
        groups="fusion_centralize_billing.group_billing_manager",
        help="SHA-256 of each of the service's API keys, one a line; never a key.",
    )
    metric_ids = fields.One2many("fusion.billing.metric", "service_id")
    plan_ids = fields.One2many("fusion.billing.plan", "service_id")
    link_ids = fields.One2many("fusion.billing.account.link", "service_id")

    _code_uniq = models.Constraint("UNIQUE(code)", "A service's code must be unique.")
    _code_check = models.Constraint(
        "CHECK(code <> '')", "A service's code must not be empty."
    )

    @api.constrains("key_hashes")
    def _check_key_hashes(self):
        for service in self:
            for line in (service.key_hashes or "").split():
                if not _SHA256.fullmatch(line):
                    raise ValidationError(
                        self.env._("A key's hash is 64 digits and letters a to f.")
                    )

    @api.model
    def _as_bridge(self):
        """This model with superuser rights, for a user who may act as the bridge.

        Raises AccessError for all others, and for companies that are not the user's.
        What is done with it looks at the companies itself: see ``_find``.
        """
        user = self.env.user
        if not (self.env.su or any(user.has_group(group) for group in BRIDGE_GROUPS)):
            raise AccessError(
                self.env._("Only the billing bridge and billing managers may do this.")
            )
        # The context names companies as it likes: it is checked here, since with sudo
        # Odoo takes its word.
        _ = self.env.companies
        return self.sudo()

    @api.model
    def _find(self, code):
        """The service of that code in the caller's companies; empty where none is."""
        companies = self.env.companies.ids
        return self.search([("code", "=", code), ("company_id", "in", companies)])
