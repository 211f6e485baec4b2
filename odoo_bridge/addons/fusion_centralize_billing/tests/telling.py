"""What has been told: the events of a test, as they would be when it commits."""

from odoo.fields import Command

from .invoicing import InvoicingCase


class EventCase(InvoicingCase):
    """A live service; each test begins with nothing told."""

    def setUp(self):
        super().setUp()
        self.events = self.env["fusion.billing.webhook"]
        self.taken()

    def taken(self):
        """The events since last time, in order: records."""
        self.env.cr.flush()
        found = self.events.search([("state", "!=", "taken")], order="id")
        found.write({"state": "taken"})
        return found

    def told(self):
        """The events since last time: [(type, object)]."""
        found = self.taken()
        return [(e.event, next(iter(e.payload.values()))) for e in found]

    def types(self):
        """Their types."""
        return [name for name, _ in self.told()]

    def usage_invoice(self, amount="100.00"):
        """A draft of usage."""
        self.upsert(self.frozen(amount))
        return self.invoice(self.close())

    def order_invoice(self):
        """A draft of an order's own line, which has nothing of the addon but that."""
        self.order.order_line = [
            Command.create({"product_id": self.product_a.id, "price_unit": 40})
        ]
        self.order.action_confirm()
        self.taken()
        self.order.order_line.qty_delivered = 1
        return self.order._create_invoices()

    def pay(self, move, amount=None):
        """Through the wizard that the button opens."""
        context = {"active_model": "account.move", "active_ids": move.ids}
        values = {"amount": amount} if amount else {}
        wizard = self.env["account.payment.register"].with_context(**context)
        return wizard.create(values)._create_payments()

    def credit(self, move):
        """A draft credit note, through its wizard."""
        context = {"active_model": "account.move", "active_ids": move.ids}
        wizard = self.env["account.move.reversal"].with_context(**context)
        action = wizard.create({"journal_id": move.journal_id.id}).refund_moves()
        return self.env["account.move"].browse(action["res_id"])

    def into_shadow(self):
        row = {"code": self.code, "name": "Nexa", "mode": "shadow"}
        self.assertStatuses(self.apply("service", row), "updated")
