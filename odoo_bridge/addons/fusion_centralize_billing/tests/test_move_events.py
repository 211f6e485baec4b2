from datetime import timedelta
from unittest import SkipTest
from unittest.mock import patch

import psycopg2
from odoo import fields
from odoo.addons.account.tests.common import AccountTestInvoicingCommon
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..models import move_events
from .telling import EventCase


@tagged("post_install", "-at_install")
class MoveEventsTest(EventCase):
    @classmethod
    @AccountTestInvoicingCommon.setup_country("ca")
    def setUpClass(cls):
        super().setUpClass()
        charts = cls.env["account.chart.template"]._get_chart_template_mapping()
        if "ca_2023" not in charts:
            raise SkipTest("l10n_ca is not installed")
        province = cls.env.ref("base.state_ca_on")
        cls.client.write({"country_id": cls.env.ref("base.ca").id})
        cls.client.write({"state_id": province.id})
        cls.order._compute_fiscal_position_id()

    def posted(self, **values):
        invoice = self.usage_invoice()
        invoice.write(values)
        invoice.action_post()
        self.taken()
        return invoice

    def test_a_draft_tells_nothing(self):
        invoice = self.usage_invoice()
        invoice.button_cancel()

        self.assertEqual(self.types(), [])

    def test_a_posted_invoice_is_told_with_its_tax(self):
        invoice = self.usage_invoice()
        invoice.action_post()

        ((name, told),) = self.told()
        self.assertEqual(name, "invoice.created")
        self.assertEqual(told["number"], invoice.name)
        self.assertEqual(
            (told["taxes_amount"], told["taxes_amount_cents"]), ("13.00", 1300)
        )
        self.assertEqual(
            (told["total_amount"], told["total_due_amount_cents"]), ("113.00", 11300)
        )
        self.assertEqual(told["payment_status"], "pending")
        self.assertEqual(told["customer"]["external_id"], "c1")
        self.assertEqual(
            told["subscriptions"],
            [{"external_id": "s1", "external_customer_id": "c1", "plan_code": "basic"}],
        )
        self.assertEqual(told["period_start"], "2026-02-01T05:00:00Z")

    def test_two_payments_are_told_one_by_one(self):
        invoice = self.posted()

        self.pay(invoice, 13)
        ((name, part),) = self.told()
        self.pay(invoice)
        ((_, whole),) = self.told()

        self.assertEqual(name, "invoice.payment_status_updated")
        self.assertEqual(
            (part["payment_status"], part["payment_state"]), ("pending", "partial")
        )
        self.assertEqual(
            (part["total_paid_amount"], part["total_due_amount"]), ("13.00", "100.00")
        )
        self.assertEqual(whole["payment_status"], "succeeded")
        self.assertEqual(
            (whole["total_paid_amount_cents"], whole["total_due_amount_cents"]),
            (11300, 0),
        )

    def test_a_payment_taken_back_is_told(self):
        invoice = self.posted()
        self.pay(invoice)
        self.taken()

        invoice.line_ids.remove_move_reconcile()

        ((name, told),) = self.told()
        self.assertEqual(name, "invoice.payment_status_updated")
        self.assertEqual(
            (told["payment_status"], told["total_due_amount"]), ("pending", "113.00")
        )

    def test_what_ends_where_it_began_tells_nothing(self):
        invoice = self.posted()

        self.pay(invoice)
        invoice.line_ids.remove_move_reconcile()

        self.assertEqual(self.types(), [])

    def test_posted_and_paid_at_once_are_two_events(self):
        invoice = self.usage_invoice()
        invoice.action_post()
        self.pay(invoice)

        self.assertEqual(
            self.types(), ["invoice.created", "invoice.payment_status_updated"]
        )

    def test_one_that_replaces_another_is_told_to_the_same_service(self):
        invoice = self.posted()
        context = {"active_model": "account.move", "active_ids": invoice.ids}
        wizard = self.env["account.move.reversal"].with_context(**context)
        action = wizard.create({"journal_id": invoice.journal_id.id}).modify_moves()
        other = self.env["account.move"].browse(action["res_id"])
        self.assertEqual(other.x_fc_service_id, self.service)
        self.taken()

        other.action_post()

        ((name, told),) = self.told()
        self.assertEqual((name, told["number"]), ("invoice.created", other.name))
        self.assertEqual(told["customer"]["external_id"], "c1")
        self.assertEqual(self.close()["id"], invoice.id)
        self.into_shadow()
        with self.assertRaises(UserError):
            other.button_draft()
            other.action_post()

    def test_one_that_is_deleted_after_it_was_told_is_voided(self):
        invoice = self.posted()
        invoice.button_draft()
        self.env.cr.flush()
        number = invoice.name

        invoice.unlink()

        ((name, told),) = self.told()
        self.assertEqual((name, told["number"]), ("invoice.voided", number))
        self.assertEqual((told["status"], told["total_amount"]), ("voided", "113.00"))

    def test_a_deleted_draft_tells_nothing(self):
        self.usage_invoice().unlink()

        self.assertEqual(self.types(), [])

    def test_a_batch_tells_each(self):
        first = self.usage_invoice()
        row = self.subscription(external_id="s2", customer="c2")
        self.apply("customer", self.customer(external_id="c2", email="b@b.test"))
        self.apply("subscription", row)
        self.upsert(self.frozen("5.00", subscription="s2"))
        second = self.invoice(self.close(customer="c2"))
        self.taken()

        (first | second).action_post()

        customers = {told["customer"]["external_id"] for _, told in self.told()}
        self.assertEqual(customers, {"c1", "c2"})

    def test_a_credit_note_is_told_and_reverses_the_invoice(self):
        invoice = self.posted()

        self.credit(invoice).action_post()

        told = dict(self.told())
        self.assertEqual(
            set(told), {"credit_note.created", "invoice.payment_status_updated"}
        )
        note = told["credit_note.created"]
        self.assertEqual(note["invoice_number"], invoice.name)
        self.assertEqual(note["customer"]["external_id"], "c1")
        self.assertEqual(note["total_amount"], "113.00")
        paid = told["invoice.payment_status_updated"]
        self.assertEqual(paid["payment_state"], "reversed")
        self.assertEqual(paid["lago_id"], note["lago_invoice_id"])

    def test_a_cancelled_invoice_is_voided(self):
        invoice = self.posted()

        invoice.button_draft()
        self.assertEqual(self.types(), [])
        invoice.button_cancel()

        ((name, told),) = self.told()
        self.assertEqual((name, told["status"]), ("invoice.voided", "voided"))

    def test_a_native_invoice_of_a_services_order_is_told(self):
        invoice = self.order_invoice()
        invoice.action_post()

        ((name, told),) = self.told()
        self.assertEqual(name, "invoice.created")
        self.assertEqual(told["subscriptions"][0]["external_id"], "s1")

    def test_it_is_told_whoever_does_it(self):
        invoice = self.usage_invoice()
        groups = "account.group_account_invoice,base.group_partner_manager"
        company = {"company_id": self.company.id, "company_ids": self.company.ids}
        clerk = new_test_user(self.env, "clerk", groups=groups, **company)

        invoice.with_user(clerk).action_post()
        self.client.with_user(clerk).phone = "+1 555"

        self.assertEqual(self.types(), ["invoice.created", "customer.updated"])
        self.assertFalse(self.events.with_user(clerk).has_access("read"))

    def test_an_invoice_of_two_services_tells_each_its_own(self):
        self.apply("service", {"code": "other", "name": "O", "mode": "live"})
        for kind, row in (
            ("metric", self.metric(service="other")),
            ("plan", self.plan(service="other")),
            ("customer", self.customer(service="other", external_id="o1")),
            ("subscription", self.subscription(service="other", customer="o1")),
        ):
            self.assertStatuses(self.apply(kind, row), "created")
        mine = self.order_invoice()
        theirs = self.env["sale.order"].search([("x_fc_account_link_id", "!=", False)])
        theirs = theirs.filtered(lambda o: o.x_fc_service_id.code == "other")
        line = self.env["sale.order.line"].create(
            {"order_id": theirs.id, "product_id": self.product_a.id}
        )
        self.taken()
        sold = {"product_id": self.product_a.id, "price_unit": 7, "tax_ids": False}
        sold["sale_line_ids"] = [Command.link(line.id)]
        mine.invoice_line_ids = [Command.create(sold)]

        mine.action_post()

        told = {e.service_id.code: e.payload["invoice"] for e in self.taken()}
        self.assertEqual(set(told), {"nexa", "other"})
        self.assertEqual(told["other"]["customer"]["external_id"], "o1")
        self.assertEqual(
            [s["external_customer_id"] for s in told["nexa"]["subscriptions"]], ["c1"]
        )
        self.assertEqual(told["other"]["total_amount"], "7.00")
        self.assertEqual(told["other"]["total_due_amount_cents"], 700)
        self.assertEqual([e["amount"] for e in told["other"]["row"]["lines"]], ["7.00"])
        self.assertEqual(
            told["nexa"]["sub_total_excluding_taxes_amount"],
            f"{mine.amount_untaxed - 7:.2f}",
        )

    def test_a_bill_is_told_with_its_row(self):
        invoice = self.usage_invoice()
        invoice.action_post()

        ((_, told),) = self.told()
        row = told["row"]
        self.assertEqual(row["public_id"], told["lago_id"])
        self.assertEqual((row["service"], row["total"]), ("nexa", "113.00"))
        self.assertNotIn("access_token", row)
        ((line,), (tax,)) = row["lines"], row["taxes"]
        self.assertEqual((line["amount"], line["tax"]), ("100.00", "13.00"))
        self.assertEqual(tax["amount"], "13.00")

    def test_what_a_credit_note_settles_is_not_paid(self):
        invoice = self.posted()
        note = self.credit(invoice)
        note.invoice_line_ids.price_unit = 10
        note.action_post()

        ((_, told),) = [e for e in self.told() if e[0].startswith("invoice.")]
        self.assertEqual(told["row"]["settled"], "11.30")
        self.assertEqual(told["total_paid_amount"], "0.00")
        self.assertEqual(told["total_due_amount"], "101.70")

    def test_other_invoices_tell_nothing(self):
        self.init_invoice("out_invoice", products=self.product_a, post=True)
        self.init_invoice("in_invoice", products=self.product_a, post=True)

        self.assertEqual(self.types(), [])

    def test_a_shadow_service_hears_nothing(self):
        invoice = self.posted()
        self.into_shadow()
        invoice.invoice_date_due = fields.Date.today() - timedelta(days=9)

        self.pay(invoice)
        self.events._cron_tell()

        self.assertEqual(self.types(), [])

    def test_what_is_rolled_back_leaves_nothing(self):
        invoice = self.usage_invoice()
        with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
            invoice.action_post()
            _ = 1 / 0

        self.assertEqual(self.types(), [])

    def test_an_event_that_cannot_be_built_sinks_no_action(self):
        invoice = self.usage_invoice()
        with (
            patch.object(move_events, "payload", side_effect=KeyError("odd")),
            mute_logger("odoo.addons.fusion_centralize_billing.models.telling"),
        ):
            invoice.action_post()
            found = self.taken_as_failed()

        self.assertEqual(invoice.state, "posted")
        self.assertEqual(found, [("invoice.created", "payload: KeyError('odd')")])

    def taken_as_failed(self):
        self.env.cr.flush()
        failed = self.events.search([("state", "=", "failed")])
        return [(event.event, event.reason) for event in failed]

    def test_an_overdue_invoice_is_told_once_per_due_date(self):
        today = fields.Date.today()
        invoice = self.posted(invoice_date=today - timedelta(days=40))
        invoice.invoice_date_due = today - timedelta(days=3)

        self.events._cron_tell()
        first = self.told()
        self.events._cron_tell()
        again = self.types()
        invoice.invoice_date_due = today - timedelta(days=1)
        self.events._cron_tell()

        ((name, told),) = first
        self.assertEqual(
            (name, told["payment_overdue"]), ("invoice.payment_overdue", True)
        )
        self.assertEqual(again, [])
        self.assertEqual(self.types(), ["invoice.payment_overdue"])

    def test_a_paid_or_early_invoice_is_not_overdue(self):
        paid = self.posted(invoice_date=fields.Date.today() - timedelta(days=40))
        self.pay(paid)
        self.taken()
        self.events._cron_tell()

        self.assertEqual(self.types(), [])

    def test_one_key_is_told_once(self):
        row = {"service_id": self.service.id, "key": "k", "event": "invoice.created"}
        self.events.create(row)
        with (
            self.assertRaises(psycopg2.IntegrityError),
            mute_logger("odoo.sql_db"),
            self.env.cr.savepoint(),
        ):
            self.events.create(row)
