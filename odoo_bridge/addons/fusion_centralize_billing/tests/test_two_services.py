from odoo.fields import Command
from odoo.tests import tagged

from .telling import EventCase


@tagged("post_install", "-at_install")
class TwoServicesTest(EventCase):
    """One client has an order of each of two services."""

    def setUp(self):
        super().setUp()
        other = {"service": "maps"}
        self.apply("service", {"code": "maps", "name": "Maps", "mode": "live"})
        self.apply("metric", self.metric(**other))
        self.apply("plan", self.plan(**other))
        self.apply("customer", self.customer(**other))
        self.apply("subscription", self.subscription(**other, external_id="m1"))
        domain = [("x_fc_external_id", "=", "m1")]
        self.maps = self.env["sale.order"].search(domain)
        self.assertEqual(self.maps.partner_id, self.client)
        for order, price in ((self.order, 100), (self.maps, 33)):
            values = {"product_id": self.product_a.id, "price_unit": price}
            order.order_line = [Command.create({**values, "tax_ids": False})]
            order.action_confirm()
        self.taken()

    def test_orders_of_two_services_share_no_invoice(self):
        invoices = (self.order | self.maps)._create_invoices()
        invoices.action_post()

        self.assertEqual(len(invoices), 2)
        told = {
            event.service_id.code: event.payload["invoice"]["total_amount"]
            for event in self.taken()
        }
        self.assertEqual(told, {"nexa": "100.00", "maps": "33.00"})

    def test_a_service_without_anything_to_invoice_does_not_stop_the_other(self):
        self.order.order_line.product_uom_qty = 0

        invoices = (self.order | self.maps)._create_invoices()

        self.assertEqual(invoices.amount_untaxed, 33)
        self.assertEqual(invoices.env, self.env)
