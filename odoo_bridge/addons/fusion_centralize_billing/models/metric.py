"""``fusion.billing.metric``: what is counted, and how it adds up."""

from odoo import fields, models

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

    _code_uniq = models.Constraint(
        "UNIQUE(service_id, code)", "A metric's code must be unique within its service."
    )
    _precision_check = models.Constraint(
        "CHECK(rounding_precision BETWEEN -30 AND 30"
        " AND (rounding <> 'none' OR rounding_precision = 0))",
        "A metric's rounding precision must be between -30 and 30, and 0 without "
        "rounding.",
    )
