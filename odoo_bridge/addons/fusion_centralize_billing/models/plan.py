"""``fusion.billing.plan``: what a subscription is billed by."""

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .exact_decimal import ExactDecimal
from .metric import titled
from .term_lists import TermsError, check_thresholds

INTERVALS = ("weekly", "monthly", "quarterly", "semiannual", "yearly")
GRACE_HOURS, MAX_GRACE_HOURS = 48, 8760


class Plan(models.Model):
    """A plan of one service, with its charges."""

    _name = "fusion.billing.plan"
    _inherit = "fusion.billing.exact"
    _description = "Billing Plan"

    service_id = fields.Many2one(
        "fusion.billing.service", required=True, index=True, ondelete="restrict"
    )
    plan_code = fields.Char(required=True)
    name = fields.Char(required=True)
    interval = fields.Selection(titled(INTERVALS), required=True)
    currency = fields.Char(required=True, help="Its three letters, such as CAD.")
    price = ExactDecimal(required=True)
    grace_hours = fields.Integer(
        string="Grace (hours)", required=True, default=GRACE_HOURS
    )
    charge_ids = fields.One2many("fusion.billing.charge", "plan_id")
    description = fields.Text()
    usage_thresholds = fields.Text(
        help="JSON: amounts of usage in a period that the app is told of, such as "
        '[{"amount": "50", "recurring": true}].'
    )
    active = fields.Boolean(default=True)
    revision = fields.Integer(
        readonly=True, copy=False, help="Of the app's last change that was taken."
    )
    order_count = fields.Integer(string="Subscriptions", compute="_compute_order_count")

    _code_uniq = models.Constraint(
        "UNIQUE(service_id, plan_code)",
        "A plan's code must be unique within its service.",
    )
    _currency_check = models.Constraint(
        "CHECK(currency ~ '^[A-Z]{3}$')",
        "A plan's currency must be three capital letters.",
    )
    _price_check = models.Constraint(
        "CHECK(price <> 'NaN')", "A plan's price must be a finite number."
    )
    _grace_check = models.Constraint(
        "CHECK(grace_hours BETWEEN 0 AND 8760)",
        "A plan's grace must be between 0 and 8760 hours.",
    )

    @api.constrains("usage_thresholds")
    def _check_thresholds(self):
        for plan in self:
            try:
                check_thresholds(plan.usage_thresholds)
            except TermsError as error:
                raise ValidationError(str(error)) from error

    def _in_use(self):
        """Whether it is for new subscriptions, or has one that has not ended."""
        self.ensure_one()
        alive = [("x_fc_plan_id", "=", self.id)]
        alive += ["|", ("x_fc_ended_at", "=", False)]
        alive += [("x_fc_ended_at", ">", fields.Datetime.now())]
        return self.active or bool(self._orders().search_count(alive, limit=1))

    def _orders(self):
        """All orders, whoever asks: a plan is in use or not."""
        return self.env["sale.order"].sudo()

    def _touch(self):
        """Let the write_date say that they changed, with what is a part of them."""
        for plan in self:
            plan.write({"name": plan.name})

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_order_count(self):
        counted = self.env["sale.order"]._read_group(
            [("x_fc_plan_id", "in", self.ids)], ["x_fc_plan_id"], ["__count"]
        )
        orders = {plan.id: count for plan, count in counted}
        for plan in self:
            plan.order_count = orders.get(plan.id, 0)
