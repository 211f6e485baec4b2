from odoo.fields import Command
from odoo.tests import tagged

from ..models.queries import load_queries
from .common import END, START
from .invoicing import InvoicingCase


@tagged("post_install", "-at_install")
class ExportInvoicesTest(InvoicingCase):
    """What the bridge is told of an invoice, from draft to credit note."""

    def export(self, **chosen):
        return self.services.export_catalog("invoice", **chosen)["rows"]

    def one(self, move):
        (row,) = self.export(record_ids=move.ids)
        return row

    def closed(self, amount="10.00"):
        self.upsert(self.frozen(amount))
        return self.invoice(self.close())

    def age(self, move):
        """As if the invoice had been written long ago."""
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE account_move SET write_date = '2020-01-01' WHERE id = %s",
            [move.id],
        )
        self.env.invalidate_all()

    def assertTouched(self, move):
        self.assertTrue(self.export(since="2020-01-02 00:00:00"))
        self.age(move)

    def pay(self, move, amount):
        wizard = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=move.ids
        )
        return wizard.create({"amount": amount})._create_payments()

    def test_a_posted_invoice_has_its_number_dates_and_amounts(self):
        move = self.closed()
        move.action_post()
        row = self.one(move)
        self.assertEqual(row["number"], move.name)
        self.assertEqual(row["state"], "posted")
        self.assertEqual(row["invoice_date"], f"{move.invoice_date}")
        self.assertEqual(row["due_date"], f"{move.invoice_date_due}")
        self.assertEqual(row["currency"], self.currency)
        self.assertEqual(row["untaxed"], "10.00")
        for name in ("tax", "total", "residual"):
            self.assertEqual(row[name], f"{move[f'amount_{name}']:.2f}")
        self.assertEqual((row["period_start"], row["period_end"]), (START, END))
        self.assertEqual([line["metric"] for line in row["lines"]], ["cpu"])

    def test_it_has_what_lagos_clients_ask_for(self):
        move = self.closed()
        self.assertFalse(self.one(move)["posted_before"])
        move.action_post()
        row = self.one(move)
        self.assertTrue(row["posted_before"])
        self.assertEqual(row["access_token"], move.access_token)
        self.assertGreater(len(row["access_token"]), 20)
        self.assertEqual(row["settled"], "0")
        (line,) = row["lines"]
        self.assertEqual(line["units"], "37000")
        self.assertEqual(line["id"], move.invoice_line_ids.id)
        self.assertEqual(line["tax"], f"{move.amount_tax:.2f}")
        self.assertNotIn("service_id", line)
        self.assertEqual(
            [(tax["amount"], tax["rate"]) for tax in row["taxes"]],
            [
                (f"{-tax.amount_currency:.2f}", f"{tax.tax_line_id.amount:.4f}")
                for tax in move.line_ids.filtered("tax_line_id")
            ],
        )

    def test_one_that_was_posted_before_the_upgrade_gets_its_link(self):
        move = self.closed()
        move.action_post()
        paid = self.init_invoice("out_invoice", amounts=[10.0], post=True)
        move.access_token = paid.access_token = False
        self.age(move)

        self.env.cr.execute(load_queries("portal")["open_pages"])
        self.env.invalidate_all()

        self.assertGreater(len(move.access_token), 20)
        self.assertFalse(paid.access_token)
        self.assertTouched(move)

    def test_a_credit_note_names_its_invoice_and_what_it_settles(self):
        move = self.closed()
        move.action_post()
        note = move._reverse_moves([{"invoice_date": move.invoice_date}], cancel=True)
        row, reversed_row = self.one(note), self.one(move)
        self.assertEqual(row["reversed_id"], reversed_row["public_id"])
        self.assertEqual(row["reversed_number"], move.name)
        self.assertEqual(row["settled"], f"{move.amount_total:.2f}")
        self.assertEqual(reversed_row["settled"], row["settled"])

    def test_every_step_of_its_life_is_seen_by_its_date(self):
        move = self.closed()
        self.age(move)
        self.assertFalse(self.export(since="2020-01-02 00:00:00"))
        move.action_post()
        self.assertTouched(move)
        self.pay(move, 4.0)
        self.assertTouched(move)
        self.assertEqual(self.one(move)["payment_state"], "partial")
        self.pay(move, move.amount_residual)
        self.assertTouched(move)
        self.assertEqual(self.one(move)["residual"], "0.00")
        move.line_ids.remove_move_reconcile()
        self.assertTouched(move)
        self.assertEqual(self.one(move)["payment_state"], "not_paid")
        move.button_draft()
        self.assertTouched(move)
        move.invoice_line_ids[0].unlink()
        self.assertTouched(move)
        move.button_cancel()
        self.assertTouched(move)
        self.assertEqual(self.one(move)["state"], "cancel")

    def test_its_credit_note_is_of_the_same_service_and_customer(self):
        move = self.closed()
        move.action_post()
        note = move._reverse_moves([{"invoice_date": move.invoice_date}])
        row = self.one(note)
        self.assertEqual(row["move_type"], "out_refund")
        self.assertEqual((row["service"], row["customers"]), ("nexa", ["c1"]))
        self.assertEqual(row["untaxed"], "10.00")

    def test_an_orders_own_invoice_is_its_services(self):
        self.product_a.invoice_policy = "order"
        sold = {"product_id": self.product_a.id, "price_unit": 100}
        self.order.order_line = [Command.create({**sold, "product_uom_qty": 1})]
        self.order.action_confirm()
        self.upsert(self.frozen("5.00"))
        self.order.x_fc_usage_ids.released = True
        invoice = self.order._create_invoices()
        self.order._x_fc_add_usage(invoice)
        row = self.one(invoice)
        self.assertEqual((row["service"], row["customers"]), ("nexa", ["c1"]))
        self.assertEqual(row["untaxed"], "105.00")
        lines = [(e["subscription"], e["metric"], e["amount"]) for e in row["lines"]]
        self.assertEqual(lines, [("s1", False, "100.00"), ("s1", "cpu", "5.00")])

    def test_lines_of_two_services_put_on_one_by_hand_leave_it_without_one(self):
        self.apply("service", {"code": "two", "name": "Two", "mode": "live"})
        other = self.env["fusion.billing.service"].search([("code", "=", "two")])
        sold = {"product_id": self.product_a.id, "price_unit": 100}
        self.product_a.invoice_policy = "order"
        self.order.order_line = [Command.create({**sold, "product_uom_qty": 1})]
        second = self.order.copy({"x_fc_service_id": other.id})
        self.order.x_fc_started_at = START
        (self.order | second).action_confirm()
        invoice = self.order._create_invoices()
        line = {"product_id": self.product_a.id, "price_unit": 1}
        line["sale_line_ids"] = [Command.link(second.order_line.id)]
        invoice.invoice_line_ids = [Command.create(line)]
        self.assertFalse(self.one(invoice)["service"])

    def test_other_invoices_and_other_companies_are_not_shown(self):
        self.init_invoice("out_invoice", amounts=[10.0], post=True)
        self.assertFalse(self.export())
        move = self.closed()
        self.assertEqual([row["id"] for row in self.export()], move.ids)
        elsewhere = self.setup_other_company()["company"]
        self.bridge.write({"company_ids": elsewhere.ids, "company_id": elsewhere.id})
        services = self.services.with_context(allowed_company_ids=elsewhere.ids)
        self.assertFalse(services.export_catalog("invoice")["rows"])
