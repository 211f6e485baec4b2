from odoo.tests import tagged

from .invoicing import InvoicingCase


@tagged("post_install", "-at_install")
class MergeTest(InvoicingCase):
    """Two customers of one service turn out to be one client."""

    def setUp(self):
        super().setUp()
        other = {"external_id": "c2", "name": "J.", "email": "j@customers.test"}
        self.assertStatuses(self.apply("customer", self.customer(**other)), "created")
        row = self.subscription(external_id="s2", customer="c2")
        self.assertStatuses(self.apply("subscription", row), "created")
        self.other = self.order_of("s2").partner_id

    def merge(self, into, gone):
        wizard = self.env["base.partner.merge.automatic.wizard"]
        wizard._merge((into | gone).ids, into, extra_checks=False)

    def test_both_of_their_invoices_stay_and_nothing_is_billed_twice(self):
        self.upsert(self.frozen("5.00"), self.frozen("7.00", subscription="s2"))
        first = self.invoice(self.close())
        second = self.invoice(self.close(customer="c2"))

        self.merge(self.client, self.other)

        self.assertEqual(first.x_fc_client_id, self.client)
        self.assertFalse(second.x_fc_client_id)
        self.assertEqual(second.partner_id, self.client)
        for customer in ("c1", "c2"):
            again = self.close(customer=customer)
            self.assertEqual((again["status"], again["id"]), ("unchanged", first.id))
        bills = (first | second).invoice_line_ids.mapped("price_unit")
        self.assertEqual(sorted(bills), [5.0, 7.0])

    def test_the_one_that_stays_takes_the_address_of_the_other(self):
        self.client.email = False

        self.merge(self.client, self.other)

        self.assertEqual(self.client.email, "j@customers.test")
