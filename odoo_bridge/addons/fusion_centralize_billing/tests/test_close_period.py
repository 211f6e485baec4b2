from odoo.tests import tagged

from .common import JANUARY
from .invoicing import InvoicingCase


@tagged("post_install", "-at_install")
class ClosePeriodTest(InvoicingCase):
    def test_a_client_gets_one_draft_invoice_of_all_its_subscriptions(self):
        self.apply("subscription", self.subscription(external_id="s2"))
        self.upsert(self.frozen("0.01"), self.frozen("3.20", subscription="s2"))

        result = self.close()
        invoice = self.invoice(result)

        self.assertEqual((result["status"], result["reason"]), ("created", False))
        self.assertEqual((invoice.state, invoice.move_type), ("draft", "out_invoice"))
        self.assertEqual(invoice.partner_id, self.client)
        self.assertEqual(invoice.auto_post, "no")
        self.assertEqual(invoice.invoice_line_ids.mapped("price_unit"), [0.01, 3.2])
        self.assertEqual(set(invoice.invoice_line_ids.mapped("quantity")), {1.0})
        self.assertEqual(f"{invoice.amount_untaxed:.2f}", "3.21")

    def test_two_services_get_an_invoice_each(self):
        self.upsert(self.frozen("1.00"))
        first = self.close()
        other = type("Other", (type(self),), {"code": "desk"})
        other.make_catalog()
        self.upsert(other.frozen("2.00"))

        second = self.close(service="desk")

        self.assertEqual(self.client, other.client)
        self.assertNotEqual(first["id"], second["id"])
        self.assertEqual(self.invoice(second).amount_untaxed, 2.0)

    def test_a_line_says_how_its_amount_came_about(self):
        self.upsert(self.frozen("0.01"))

        (line,) = self.invoice(self.close()).invoice_line_ids

        self.assertEqual(
            line.name,
            "CPU seconds, s1: 2026-02-01 to 2026-02-28\n"
            f"37000 s used, 36000 s included, 1000 s over = 0.01 {self.currency}",
        )
        self.assertEqual(line.x_fc_usage_id.line_ids, line)

    def test_the_working_that_came_with_a_row_is_in_its_line(self):
        self.upsert(self.frozen("0.01", working="used 37000\nover 1000"))

        (line,) = self.invoice(self.close()).invoice_line_ids

        head = "CPU seconds, s1: 2026-02-01 to 2026-02-28"
        self.assertEqual(line.name, f"{head}\nused 37000\nover 1000")

    def test_only_the_subscriptions_that_are_named_are_billed(self):
        self.apply("subscription", self.subscription(external_id="s2"))
        self.upsert(self.frozen("1.00"), self.frozen("2.00", subscription="s2"))

        first = self.close(subscriptions=["s2"], rollups=1, amount="2")
        unknown = self.close(subscriptions=["s1", "s3"])
        lacking = self.close(subscriptions=["s1"], rollups=2)
        changed = self.close(subscriptions=["s1"], amount="1.01")

        self.assertEqual(self.invoice(first).amount_untaxed, 2.0)
        self.assertEqual(unknown["reason"], "subscriptions: s3: not of this client")
        self.assertEqual(lacking["reason"], "rollups: the period has 2 rows, Odoo 1")
        self.assertEqual(
            changed["reason"],
            "amount: the period comes to 1.01, Odoo's rows to 1.00",
        )

    def test_an_amount_that_an_invoice_does_not_hold_is_refused(self):
        self.upsert(self.frozen("1000000000000.01"))

        result = self.close()

        self.assertEqual(result["status"], "error")
        self.assertIn("which an invoice cannot hold exactly", result["reason"])

    def test_a_correction_is_a_line_of_its_own(self):
        self.upsert(
            self.frozen("5.00"),
            self.frozen("-1.25", correction_of=JANUARY),
        )

        own, late = self.invoice(self.close()).invoice_line_ids

        self.assertEqual((own.price_unit, late.price_unit), (5.0, -1.25))
        self.assertTrue(
            late.name.startswith("Correction of the period from 2026-01-01"), late.name
        )

    def test_a_total_below_zero_is_a_credit_note(self):
        self.upsert(self.frozen("-1.25", correction_of=JANUARY))

        note = self.invoice(self.close())

        self.assertEqual((note.move_type, note.amount_untaxed), ("out_refund", 1.25))

    def test_an_amount_is_rounded_half_up_once(self):
        self.upsert(self.frozen("2.675"), self.frozen("0.005", correction_of=JANUARY))

        lines = self.invoice(self.close()).invoice_line_ids

        self.assertEqual(lines.mapped("price_unit"), [2.68, 0.01])

    def test_nothing_to_pay_makes_no_invoice(self):
        self.upsert(self.frozen("0"), self.frozen("0.00", correction_of=JANUARY))

        result = self.close()

        self.assertEqual((result["status"], result["id"]), ("empty", False))

    def test_a_period_that_is_not_frozen_is_refused(self):
        self.upsert(self.frozen("5.00"), self.rollup(correction_of=JANUARY, amount="1"))

        result = self.close()

        self.assertEqual(result["status"], "error")
        self.assertIn("not frozen", result["reason"])

    def test_another_currency_than_the_orders_is_refused(self):
        self.upsert(self.frozen("5.00", currency="JPY"))

        result = self.close()

        self.assertEqual(result["status"], "error")
        self.assertIn("usage of", result["reason"])
        self.assertIn("JPY", result["reason"])

    def test_a_charges_product_and_taxes_come_before_the_services(self):
        tax = self.tax_sale_a.copy({"amount": 5, "name": "Five"})
        (charge,) = self.service.plan_ids.charge_ids
        charge.write({"product_id": self.product_a.id, "tax_ids": tax.ids})
        self.upsert(self.frozen("10.00"))

        (line,) = self.invoice(self.close()).invoice_line_ids

        self.assertEqual((line.product_id, line.tax_ids), (self.product_a, tax))
        self.assertEqual(line.price_total, 10.5)

    def test_the_products_taxes_are_mapped_by_the_fiscal_position(self):
        self.service.product_id = self.product_a
        position = self.env["account.fiscal.position"].create({"name": "Abroad"})
        abroad = self.tax_sale_a.copy({"amount": 0, "name": "None abroad"})
        abroad.fiscal_position_ids = position
        abroad.original_tax_ids = self.tax_sale_a
        self.order.fiscal_position_id = position
        self.upsert(self.frozen("10.00"))

        (line,) = self.invoice(self.close()).invoice_line_ids

        self.assertEqual(line.tax_ids, abroad)

    def test_the_fiscal_position_is_one_of_the_services_company(self):
        main = self.env["res.company"].create({"name": "Main"})
        self.bridge.write({"company_ids": [(4, main.id)], "company_id": main.id})
        client = self.client
        ours = self.env["account.fiscal.position"].create({"name": "Ours"})
        theirs = ours.with_company(main).create(
            {"name": "Theirs", "company_id": main.id}
        )
        client.with_company(self.company).property_account_position_id = ours
        client.with_company(main).property_account_position_id = theirs
        self.order.fiscal_position_id = False
        self.upsert(self.frozen("10.00"))

        result = self.close()

        self.assertEqual(result["reason"], False)
        self.assertEqual(self.invoice(result).fiscal_position_id, ours)

    def test_a_plan_that_changed_since_names_no_product_and_no_tax(self):
        tax = self.tax_sale_a.copy({"amount": 5, "name": "Five"})
        (charge,) = self.service.plan_ids.charge_ids
        charge.write({"product_id": self.product_a.id, "tax_ids": tax.ids})
        self.apply("plan", self.plan(code="pro", charges=[]))
        self.apply("subscription", self.subscription(plan="pro"))
        self.upsert(self.frozen("10.00"))

        result = self.close(subscriptions=["s1"], plans=["basic"])

        (line,) = self.invoice(result).invoice_line_ids
        self.assertEqual((line.product_id, line.tax_ids), (self.product_a, tax))
