"""``fusion.billing.charge``: what a plan asks for a metric."""

import json

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .exact_decimal import ExactDecimal
from .metric import titled

CHARGE_MODELS = ("standard", "package", "graduated", "volume", "percentage")


class Charge(models.Model):
    """A plan's price for one metric, and how its line is taxed."""

    _name = "fusion.billing.charge"
    _inherit = "fusion.billing.exact"
    _description = "Billing Charge"
    _rec_name = "metric_id"

    plan_id = fields.Many2one(
        "fusion.billing.plan", required=True, index=True, ondelete="cascade"
    )
    service_id = fields.Many2one(related="plan_id.service_id")
    metric_id = fields.Many2one(
        "fusion.billing.metric",
        required=True,
        index=True,
        ondelete="restrict",
        domain="[('service_id', '=', service_id)]",
    )
    model = fields.Selection(titled(CHARGE_MODELS), required=True)
    included = ExactDecimal(string="Included Quantity")
    price = ExactDecimal()
    package_size = ExactDecimal()
    tiers = fields.Text(help="JSON: up_to, unit_price and flat_price of each tier.")
    minimum = ExactDecimal()
    product_id = fields.Many2one(
        "product.product", help="Names the line's account and its taxes."
    )
    tax_ids = fields.Many2many(
        "account.tax",
        string="Taxes",
        domain="[('type_tax_use', '=', 'sale')]",
        help="Instead of the product's; the client's fiscal position maps them.",
    )

    _metric_uniq = models.Constraint(
        "UNIQUE(plan_id, metric_id)", "A plan charges a metric once."
    )
    _numbers_check = models.Constraint(
        "CHECK(included <> 'NaN' AND price <> 'NaN' AND package_size <> 'NaN')",
        "A charge's numbers must be finite.",
    )
    _minimum_check = models.Constraint(
        "CHECK(minimum >= 0 AND minimum <> 'NaN')",
        "A charge's minimum must be a finite number of 0 or more.",
    )

    def write(self, vals):
        """A plan that loses a charge to another one has changed: the pull sees it."""
        if "plan_id" in vals:
            self.plan_id._touch()
        return super().write(vals)

    def unlink(self):
        """The plan has changed: nothing else would tell the pull."""
        self.plan_id._touch()
        return super().unlink()

    @api.constrains("plan_id", "metric_id")
    def _check_service(self):
        for charge in self:
            if charge.metric_id.service_id != charge.plan_id.service_id:
                raise ValidationError(
                    self.env._("A plan charges metrics of its own service.")
                )

    @api.constrains("tiers")
    def _check_tiers(self):
        for charge in self:
            try:
                json.loads(charge.tiers or "[]")
            except ValueError as error:
                raise ValidationError(
                    self.env._("The tiers are not JSON: %s", error)
                ) from error
