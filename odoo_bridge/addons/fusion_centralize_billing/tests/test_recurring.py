from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import tagged

from .common import JANUARY
from .invoicing import InvoicingCase


@tagged("post_install", "-at_install")
class RecurringTest(InvoicingCase):
    """An order's own invoice, as Odoo makes it each period where it can."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        plan = {"product_id": cls.product_a.id, "product_uom_qty": 1, "price_unit": 100}
        cls.product_a.invoice_policy = "order"
        cls.order.order_line = [Command.create(plan)]
        cls.order.action_confirm()

    def close_with_own_invoice(self, **more):
        """close_period where Odoo invoices the order itself, as Enterprise does."""
        order = type(self.order)
        with patch.object(order, "_x_fc_has_own_invoice", lambda order: True):
            return self.close(**more)

    def test_plan_and_usage_are_on_one_invoice(self):
        self.upsert(self.frozen("5.00"), self.frozen("-1.00", correction_of=JANUARY))
        self.close_with_own_invoice()
        invoice = self.order._create_invoices()

        self.order._x_fc_add_usage(invoice)

        self.assertEqual(invoice.amount_untaxed, 104.0)
        self.assertEqual(invoice.invoice_line_ids.mapped("quantity"), [1.0, 1.0, 1.0])
        self.assertEqual(self.order.order_line.qty_invoiced, 1.0)

    def test_usage_is_added_once(self):
        self.upsert(self.frozen("5.00"))
        self.close_with_own_invoice()
        invoice = self.order._create_invoices()

        self.order._x_fc_add_usage(invoice)
        self.order._x_fc_add_usage(invoice)

        self.assertEqual(invoice.amount_untaxed, 105.0)
        again = self.close()
        self.assertEqual((again["status"], again["id"]), ("unchanged", invoice.id))

    def test_usage_that_is_open_or_in_another_currency_is_left(self):
        self.upsert(
            self.frozen("5.00", currency="JPY"),
            self.rollup(correction_of=JANUARY, amount="1.00"),
        )
        self.order.x_fc_usage_ids.released = True
        invoice = self.order._create_invoices()

        self.order._x_fc_add_usage(invoice)

        self.assertEqual(invoice.amount_untaxed, 100.0)

    def test_usage_that_froze_in_shadow_is_not_charged_by_a_switch_to_live(self):
        self.service.mode = "shadow"
        self.upsert(self.frozen("5.00"))
        self.service.mode = "live"
        invoice = self.order._create_invoices()

        self.order._x_fc_add_usage(invoice)

        self.assertEqual(invoice.amount_untaxed, 100.0)

    def test_usage_of_a_service_in_shadow_is_not_released(self):
        self.service.mode = "shadow"
        self.upsert(self.frozen("5.00"))

        self.assertEqual(self.close_with_own_invoice()["status"], "shadow")
        self.assertFalse(self.order.x_fc_usage_ids.released)

    def test_the_last_period_of_an_order_has_an_invoice_of_its_own(self):
        self.order.x_fc_ended_at = "2026-02-20 05:00:00"
        self.upsert(self.frozen("5.00", period_end="2026-02-20 05:00:00"))

        result = self.close_with_own_invoice(period_end="2026-02-20 05:00:00")

        self.assertEqual(result["status"], "created")
        self.assertEqual(self.invoice(result).amount_untaxed, 5.0)

    def test_closing_leaves_usage_to_the_orders_own_invoice(self):
        if "is_subscription" not in self.order._fields:
            self.skipTest("this Odoo has no native subscriptions")
        self.upsert(self.frozen("5.00"))
        self.order.is_subscription = True

        result = self.close()
        invoice = self.order._create_invoices()

        self.assertEqual((result["status"], result["id"]), ("empty", False))
        self.assertEqual(invoice.amount_untaxed, 105.0)
