"""``fusion.billing.usage.report``: usage for charts, where sums of doubles will do."""

from odoo import fields, models

from .metric import AGGREGATIONS, titled
from .queries import load_queries
from .usage import STATES


class UsageReport(models.Model):
    """A view of the usage with numbers that pivots and graphs can add up.

    Nothing is billed from it: its numbers are rounded to doubles.
    """

    _name = "fusion.billing.usage.report"
    _description = "Billing Usage Analysis"
    _auto = False
    _order = "period_start desc, id desc"

    service_id = fields.Many2one("fusion.billing.service", readonly=True)
    subscription_id = fields.Many2one("sale.order", readonly=True)
    partner_id = fields.Many2one("res.partner", string="Client", readonly=True)
    plan_id = fields.Many2one("fusion.billing.plan", readonly=True)
    metric_id = fields.Many2one("fusion.billing.metric", readonly=True)
    aggregation = fields.Selection(titled(AGGREGATIONS), readonly=True)
    period_start = fields.Datetime(readonly=True)
    is_correction = fields.Boolean(string="Correction", readonly=True)
    state = fields.Selection(titled(STATES), readonly=True)
    currency = fields.Char(readonly=True)
    quantity = fields.Float(readonly=True)
    overage = fields.Float(readonly=True)
    amount = fields.Float(readonly=True)

    @property
    def _table_query(self):
        return load_queries("report")["usage_report"]
