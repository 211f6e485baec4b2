"""``fusion.billing.metric``: what is counted, and how it adds up."""

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .term_lists import (
    TermsError,
    missing_value,
    read_charge_filters,
    read_metric_filters,
)

AGGREGATIONS = ("sum", "max", "last", "unique", "count")
ROUNDINGS = ("none", "round", "ceil", "floor")
MAX_PRECISION = 30


def titled(values):
    """A selection of these values, each named by itself."""
    return [(value, value.replace("_", " ").title()) for value in values]


class Metric(models.Model):
    """A metric of one service."""

    _name = "fusion.billing.metric"
    _description = "Billing Metric"

    service_id = fields.Many2one(
        "fusion.billing.service", required=True, index=True, ondelete="restrict"
    )
    code = fields.Char(required=True)
    name = fields.Char(required=True)
    aggregation = fields.Selection(titled(AGGREGATIONS), required=True)
    unit = fields.Char()
    rounding = fields.Selection(titled(ROUNDINGS), required=True, default="none")
    rounding_precision = fields.Integer(
        required=True,
        default=0,
        help="Places after the point; below zero: tens, hundreds and so on.",
    )

    field_name = fields.Char(
        string="Property", help="Which property of an event holds its value."
    )
    description = fields.Text()
    filters = fields.Text(
        help="JSON: key and values of each property that charges may tell apart, such "
        'as [{"key": "region", "values": ["ca", "eu"]}].'
    )
    active = fields.Boolean(default=True)
    revision = fields.Integer(
        readonly=True, copy=False, help="Of the app's last change that was taken."
    )

    _code_uniq = models.Constraint(
        "UNIQUE(service_id, code)", "A metric's code must be unique within its service."
    )
    _precision_check = models.Constraint(
        "CHECK(rounding_precision BETWEEN -30 AND 30"
        " AND (rounding <> 'none' OR rounding_precision = 0))",
        "A metric's rounding precision must be between -30 and 30, and 0 without "
        "rounding.",
    )

    @api.constrains("filters", "active")
    def _check_used(self):
        """What a charge uses stays, but of an archived plan without subscriptions."""
        for metric in self:
            try:
                allowed = read_metric_filters(metric.filters)
            except TermsError as error:
                raise ValidationError(str(error)) from error
            for charge in metric._charges_in_use():
                plan = charge.plan_id.plan_code
                if not metric.active:
                    raise ValidationError(
                        self.env._("code: plan %s charges the metric", plan)
                    )
                wanted = read_charge_filters(charge.filters)
                if missing := missing_value(wanted, allowed):
                    raise ValidationError(
                        self.env._("filters: plan %s charges %s", plan, missing)
                    )

    def _charges_in_use(self):
        found = self.env["fusion.billing.charge"].search(
            [("metric_id", "in", self.ids)]
        )
        return found.filtered(lambda charge: charge.plan_id._in_use()).sorted(
            lambda charge: charge.plan_id.plan_code
        )
