"""Subscriptions: orders with an external id; in shadow they can charge nobody."""

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from .invoice_lines import in_order, line_values, refusal
from .metric import titled

ANCHORS = ("calendar", "anniversary")


class SaleOrder(models.Model):
    """An order that is a service's subscription has ``x_fc_service_id``."""

    _inherit = "sale.order"

    x_fc_service_id = fields.Many2one(
        "fusion.billing.service",
        string="Service",
        index="btree_not_null",
        ondelete="restrict",
        copy=False,
    )
    x_fc_external_id = fields.Char(string="External Subscription", copy=False)
    x_fc_account_link_id = fields.Many2one(
        "fusion.billing.account.link",
        string="Account Link",
        ondelete="restrict",
        copy=False,
    )
    x_fc_plan_id = fields.Many2one(
        "fusion.billing.plan", string="Plan", ondelete="restrict", copy=False
    )
    x_fc_plan_code = fields.Char(related="x_fc_plan_id.plan_code", string="Plan Code")
    x_fc_started_at = fields.Datetime(string="Started at", copy=False)
    x_fc_ended_at = fields.Datetime(string="Ended at", copy=False)
    x_fc_timezone = fields.Char(string="Time Zone", copy=False)
    x_fc_anchor = fields.Selection(titled(ANCHORS), string="Anchor", copy=False)
    x_fc_revision = fields.Integer(string="App's Revision", copy=False, readonly=True)
    x_fc_mode = fields.Selection(related="x_fc_service_id.mode", string="Mode")
    # For who may read usage: others read an order without it, instead of not at all.
    x_fc_usage_ids = fields.One2many(
        "fusion.billing.usage",
        "subscription_id",
        string="Metered Usage",
        groups="fusion_centralize_billing.group_billing_user",
    )
    x_fc_usage_count = fields.Integer(
        string="Usage", compute="_compute_x_fc_usage_count"
    )

    _x_fc_external_uniq = models.Constraint(
        "UNIQUE(x_fc_service_id, x_fc_external_id)",
        "A subscription's external id must be unique within its service.",
    )
    _x_fc_external_check = models.Constraint(
        "CHECK(x_fc_external_id <> '')",
        "A subscription's external id must not be empty.",
    )
    _x_fc_ended_check = models.Constraint(
        "CHECK(x_fc_ended_at > x_fc_started_at)",
        "A subscription must end after it starts.",
    )

    @api.depends_context("uid", "allowed_company_ids")
    def _compute_x_fc_usage_count(self):
        usage = self.env["fusion.billing.usage"]
        if not usage.has_access("read"):
            self.x_fc_usage_count = 0
            return
        counted = usage._read_group(
            [("subscription_id", "in", self.ids)], ["subscription_id"], ["__count"]
        )
        counts = {order.id: count for order, count in counted}
        for order in self:
            order.x_fc_usage_count = counts.get(order.id, 0)

    def action_x_fc_usage(self):
        """The usage of this subscription."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "fusion_centralize_billing.action_usage"
        )
        return {**action, "domain": [("subscription_id", "in", self.ids)]}

    def _create_invoices(self, *args, **kwargs):
        """Create; orders of two services share no invoice, whose total each is told."""
        services = self.grouped("x_fc_service_id")
        if len(services) < 2:
            return super()._create_invoices(*args, **kwargs)
        moves = self.env["account.move"]
        for orders in services.values():
            quiet = orders.with_context(raise_if_nothing_to_invoice=False)
            moves += super(SaleOrder, quiet)._create_invoices(*args, **kwargs)
        if not moves and self.env.context.get("raise_if_nothing_to_invoice", True):
            raise UserError(self._nothing_to_invoice_error_message())
        return moves.with_env(self.env)

    # Usage on an order's own recurring invoice, where Odoo makes one.

    def _x_fc_has_own_invoice(self):
        """Whether Odoo invoices the order each period by itself: not in Community."""
        return False

    def _x_fc_add_usage(self, moves):
        """Put released usage that no line bills on each order's draft among the moves.

        Safe to repeat: a row is billed once. What was not released is not due: it may
        have frozen in shadow, and been billed elsewhere. A row that its order cannot
        bill is left, and shows among the usage that is frozen and not invoiced.
        """
        for order in self.filtered(lambda o: o.sudo().x_fc_service_id.mode == "live"):
            move = moves.filtered(
                lambda m, order=order: (
                    m.state == "draft"
                    and m.move_type == "out_invoice"
                    and order in m.line_ids.sale_line_ids.order_id
                )
            )[:1]
            usages = order.sudo().x_fc_usage_ids.filtered(
                lambda u: (
                    u.released
                    and u.state == "frozen"
                    and u.amount is not False
                    and not u._billed_on()
                    and not refusal(u)
                )
            )
            if move and usages:
                fiscal = move.fiscal_position_id
                lines = [line_values(usage, fiscal) for usage in in_order(usages)]
                created = [Command.create(line) for line in lines]
                move.sudo().write({"invoice_line_ids": created})

    # What charges or tells a customer, refused while the service is in shadow (P13).

    def _x_fc_in_shadow(self):
        return self.filtered(
            lambda order: order.sudo().x_fc_service_id.mode == "shadow"
        )

    def _x_fc_refuse_in_shadow(self):
        if shadowed := self._x_fc_in_shadow():
            raise UserError(
                self.env._(
                    "The service of %s is in shadow: nothing is charged or sent.",
                    ", ".join(shadowed.mapped("name")),
                )
            )

    def action_confirm(self):
        self._x_fc_refuse_in_shadow()
        return super().action_confirm()

    def action_quotation_send(self):
        self._x_fc_refuse_in_shadow()
        return super().action_quotation_send()

    def action_quotation_sent(self):
        self._x_fc_refuse_in_shadow()  # it has the client follow the order
        return super().action_quotation_sent()

    def _get_default_payment_link_values(self):
        self._x_fc_refuse_in_shadow()  # a link is paid whatever _has_to_be_paid says
        return super()._get_default_payment_link_values()

    def _prepare_invoice(self, *args, **kwargs):
        self._x_fc_refuse_in_shadow()
        return super()._prepare_invoice(*args, **kwargs)

    def _send_order_notification_mail(self, *args, **kwargs):
        if self._x_fc_in_shadow():
            return None
        return super()._send_order_notification_mail(*args, **kwargs)

    def _has_to_be_signed(self, *args, **kwargs):
        return not self._x_fc_in_shadow() and super()._has_to_be_signed(*args, **kwargs)

    def _has_to_be_paid(self, *args, **kwargs):
        return not self._x_fc_in_shadow() and super()._has_to_be_paid(*args, **kwargs)
