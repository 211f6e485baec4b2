"""Invoices of a service that is in shadow: none charges or reaches a customer (P13)."""

from odoo import models
from odoo.exceptions import UserError


class AccountMove(models.Model):
    """What posts, sends or asks to pay an invoice, refused."""

    _inherit = "account.move"

    def _x_fc_in_shadow(self):
        """Those that bill usage or orders of a service in shadow.

        An order's own invoice names no service; it may be a draft from when the service
        was live.
        """
        orders = self.sudo().line_ids.sale_line_ids.order_id
        if "shadow" not in (
            self.sudo().x_fc_service_id | orders.x_fc_service_id
        ).mapped("mode"):
            return self.browse()
        return self.filtered(
            lambda m: (
                m.sudo().x_fc_service_id.mode == "shadow"
                or m.sudo().line_ids.sale_line_ids.order_id._x_fc_in_shadow()
            )
        )

    def _post(self, *args, **kwargs):
        """Post; an invoice of a service that is in shadow is refused."""
        if shadowed := self._x_fc_in_shadow():
            raise UserError(
                self.env._(
                    "%s is usage of a service that is in shadow: it is not posted.",
                    ", ".join(shadowed.mapped("display_name")),
                )
            )
        return super()._post(*args, **kwargs)

    def action_send_and_print(self):
        """Send; not what was posted before its service went into shadow."""
        self._x_fc_refuse_in_shadow()
        return super().action_send_and_print()

    def _get_default_payment_link_values(self):
        self._x_fc_refuse_in_shadow()
        return super()._get_default_payment_link_values()

    def _has_to_be_paid(self):
        """Whether a customer may pay it in the portal."""
        return not self._x_fc_in_shadow() and super()._has_to_be_paid()

    def _x_fc_refuse_in_shadow(self):
        if shadowed := self._x_fc_in_shadow():
            raise UserError(
                self.env._(
                    "The service of %s is in shadow: nothing is charged or sent.",
                    ", ".join(shadowed.mapped("display_name")),
                )
            )


class AccountMoveSend(models.AbstractModel):
    """What sends invoices, a person's and those that wait for the scheduled action."""

    _inherit = "account.move.send"

    def _is_applicable_to_move(self, method, move, **move_data):
        """No way to send fits: the scheduled action, which others wait for, goes on."""
        if move._x_fc_in_shadow():
            return False
        return super()._is_applicable_to_move(method, move, **move_data)
