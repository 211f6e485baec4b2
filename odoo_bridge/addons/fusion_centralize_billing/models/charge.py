"""``fusion.billing.charge``: what a plan asks for a metric."""

import json

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .exact_decimal import ExactDecimal
from .metric import titled
from .term_lists import (
    TermsError,
    check_group_keys,
    missing_value,
    read_charge_filters,
    read_metric_filters,
)

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
    invoice_name = fields.Char(
        string="Shown As", help="What apps show for it, instead of the metric's name."
    )
    fixed = ExactDecimal(
        string="Fixed Fee", help="Per event, over the free ones, of a percentage."
    )
    free_events = ExactDecimal(help="Events for which there is no fixed fee.")
    group_keys = fields.Text(
        help='JSON: properties by whose values units are priced apart: ["region"].'
    )
    filters = fields.Text(
        help="JSON: other terms for units whose properties have one of the values: "
        '[{"values": {"region": ["eu"]}, "price": "0.02"}].'
    )
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

    _events_check = models.Constraint(
        "CHECK(fixed >= 0 AND fixed <> 'NaN'"
        " AND free_events BETWEEN 0 AND 1000000000000000"
        " AND free_events = trunc(free_events))",
        "A charge's fixed fee must be a finite number of 0 or more, and its free "
        "events a whole one.",
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

    @api.constrains("group_keys", "filters", "metric_id")
    def _check_parts(self):
        for charge in self:
            metric = charge.metric_id
            try:
                check_group_keys(charge.group_keys)
                wanted = read_charge_filters(charge.filters)
                allowed = read_metric_filters(metric.filters)
            except TermsError as error:
                raise ValidationError(str(error)) from error
            if missing := missing_value(wanted, allowed):
                raise ValidationError(
                    self.env._("filters: metric %s has no %s", metric.code, missing)
                )
