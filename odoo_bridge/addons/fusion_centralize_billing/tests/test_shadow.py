from odoo.exceptions import UserError
from odoo.tests import tagged

from .telling import EventCase


@tagged("post_install", "-at_install")
class ShadowTest(EventCase):
    def setUp(self):
        super().setUp()
        self.upsert(self.frozen("5.00"))

    def test_closing_makes_nothing(self):
        self.into_shadow()
        moves = self.env["account.move"].search_count([])

        result = self.close()

        self.assertEqual((result["status"], result["id"]), ("shadow", False))
        self.assertEqual(self.env["account.move"].search_count([]), moves)

    def test_a_draft_from_before_cannot_be_posted(self):
        invoice = self.invoice(self.close())
        self.into_shadow()

        with self.assertRaises(UserError):
            invoice.action_post()
        self.assertEqual(invoice.state, "draft")

    def test_an_orders_own_draft_from_before_cannot_be_posted(self):
        invoice = self.order_invoice()
        self.into_shadow()

        with self.assertRaises(UserError):
            invoice.action_post()
        self.assertEqual(invoice.state, "draft")

    def test_what_was_posted_before_is_not_sent_and_asks_for_no_payment(self):
        usage, own = self.invoice(self.close()), self.order_invoice()
        (usage | own).action_post()
        portal = "account_payment.enable_portal_payment"
        self.env["ir.config_parameter"].sudo().set_param(portal, True)
        self.assertTrue(usage._has_to_be_paid())
        sending = self.env["account.move.send"]
        data = {"mail_partner_ids": self.client.ids}
        self.assertTrue(sending._is_applicable_to_move("email", usage, **data))
        self.into_shadow()

        for invoice in (usage, own):
            for act in (
                invoice.action_send_and_print,
                invoice._get_default_payment_link_values,
            ):
                with self.assertRaises(UserError):
                    act()
            applies = sending._is_applicable_to_move("email", invoice, **data)
            self.assertFalse(applies)
            self.assertFalse(invoice._has_to_be_paid())

    def test_an_order_cannot_be_confirmed_sent_or_invoiced(self):
        self.into_shadow()

        for act in (
            self.order.action_confirm,
            self.order.action_quotation_send,
            self.order.action_quotation_sent,
            self.order._prepare_invoice,
            self.order._get_default_payment_link_values,
        ):
            with self.assertRaises(UserError):
                act()
        self.assertEqual(self.order.state, "draft")

    def test_an_order_asks_for_no_signature_and_no_payment(self):
        self.order.write({"require_signature": True, "require_payment": True})
        self.into_shadow()

        self.assertFalse(self.order._has_to_be_signed())
        self.assertFalse(self.order._has_to_be_paid())

    def test_no_message_leaves_about_an_order(self):
        self.into_shadow()
        outgoing = self.env["mail.mail"].search_count([])
        template = self.env.ref("sale.mail_template_sale_confirmation")

        self.order._send_order_notification_mail(template)

        self.assertEqual(self.env["mail.mail"].search_count([]), outgoing)

    def test_orders_of_no_service_are_as_ever(self):
        order = self.env["sale.order"].create({"partner_id": self.client.id})
        self.into_shadow()

        order.action_confirm()

        self.assertEqual(order.state, "sale")
