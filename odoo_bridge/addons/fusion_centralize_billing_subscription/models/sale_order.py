"""Native subscriptions: their own invoice each period takes the usage as well.

It extends what Community has too; of subscriptions it reads ``is_subscription`` alone.
"""

from odoo import models


class SaleOrder(models.Model):
    """An order that is a subscription is invoiced by Odoo itself."""

    _inherit = "sale.order"

    def _x_fc_has_own_invoice(self):
        return bool(self.is_subscription) or super()._x_fc_has_own_invoice()

    def _create_invoices(self, *args, **kwargs):
        moves = super()._create_invoices(*args, **kwargs)
        subscriptions = self.filtered(lambda order: order._x_fc_has_own_invoice())
        subscriptions._x_fc_add_usage(moves)
        return moves
