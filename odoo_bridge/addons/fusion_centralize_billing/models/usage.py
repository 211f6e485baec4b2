"""``fusion.billing.usage``: a subscription's rollup of a metric and a period."""

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .exact_decimal import ExactDecimal
from .metric import titled

STATES = ("open", "frozen")


class Usage(models.Model):
    """What the ledger counted, in absolute values; the ledger is the one to change it.

    A row with ``correction_of`` is usage that came after its period was frozen: it is
    billed in the period of ``period_start``, and belongs to the one that began then.
    """

    _name = "fusion.billing.usage"
    _inherit = "fusion.billing.exact"
    _description = "Billing Usage"

    subscription_id = fields.Many2one(
        "sale.order", required=True, index=True, ondelete="restrict"
    )
    partner_id = fields.Many2one(related="subscription_id.partner_id", string="Client")
    metric_id = fields.Many2one(
        "fusion.billing.metric", required=True, index=True, ondelete="restrict"
    )
    service_id = fields.Many2one(
        "fusion.billing.service", required=True, index=True, ondelete="restrict"
    )
    period_start = fields.Datetime(required=True)
    period_end = fields.Datetime(required=True)
    correction_of = fields.Datetime(string="Correction of Period")
    quantity = ExactDecimal(required=True)
    included = ExactDecimal()
    overage = ExactDecimal()
    amount = ExactDecimal()
    currency = fields.Char()
    working = fields.Text(help="How the amount came about, step by step.")
    revision = fields.Integer(required=True, aggregator=None)
    state = fields.Selection(titled(STATES), required=True, default="open")
    released = fields.Boolean(
        readonly=True,
        help="It was closed, and is left to the order's own invoice of each period.",
    )
    # For who may read invoices: others read a row without them, instead of not at all.
    line_ids = fields.One2many(
        "account.move.line",
        "x_fc_usage_id",
        string="Invoice Lines",
        groups="account.group_account_readonly,account.group_account_invoice",
    )

    # No correction_of counts as a value like any other; PostgreSQL 13 has no
    # NULLS NOT DISTINCT.
    _key_uniq = models.UniqueIndex(
        "(subscription_id, metric_id, period_start,"
        " COALESCE(correction_of, '-infinity'::timestamp))",
        "A subscription has one usage row per metric and period, and one per "
        "period corrected in it.",
    )
    _period_check = models.Constraint(
        "CHECK(period_end > period_start)", "The period must end after it starts."
    )
    _numbers_check = models.Constraint(
        "CHECK(quantity <> 'NaN' AND included <> 'NaN' AND overage <> 'NaN'"
        " AND amount <> 'NaN')",
        "Usage must be a finite number.",
    )

    @api.constrains("service_id", "subscription_id", "metric_id")
    def _check_service(self):
        """A row of another's subscription would stand where that one's own belongs."""
        for usage in self.sudo():
            owners = usage.subscription_id.x_fc_service_id | usage.metric_id.service_id
            if owners != usage.service_id:
                raise ValidationError(
                    self.env._("Usage is of its service's subscriptions and metrics.")
                )

    def _billed_on(self):
        """The invoice that bills this row; none where it was cancelled."""
        lines = self.line_ids.filtered(lambda line: line.parent_state != "cancel")
        return lines.move_id

    def _order_bills(self):
        """Whether an invoice that its order gets each period is to bill it.

        After the order's end there is none any more.
        """
        end = self.subscription_id.x_fc_ended_at
        ended = end and end <= self.period_end
        return self.subscription_id._x_fc_has_own_invoice() and not ended

    @api.depends("metric_id.name", "subscription_id.name", "period_start")
    def _compute_display_name(self):
        for usage in self:
            day = usage.period_start.date() if usage.period_start else ""
            names = (usage.subscription_id.name, usage.metric_id.name, day)
            usage.display_name = " / ".join(str(name) for name in names if name)
