import base64

from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .invoicing import InvoicingCase

SENT = b"%PDF-1.4 as it was sent"


@tagged("post_install", "-at_install")
class InvoicePdfTest(InvoicingCase):
    """What the bridge fetches for an app's customer."""

    def print(self, move, max_bytes=1_000_000):
        return self.services.invoice_pdf(move.id, max_bytes)

    def posted(self):
        self.upsert(self.frozen("10.00"))
        move = self.invoice(self.close())
        move.action_post()
        return move

    def send(self, move):
        """As Odoo keeps what it sent."""
        self.env["ir.attachment"].create(
            {
                "name": "invoice.pdf",
                "res_model": "account.move",
                "res_id": move.id,
                "res_field": "invoice_pdf_report_file",
                "raw": SENT,
            }
        )
        move.invalidate_recordset(["invoice_pdf_report_id", "invoice_pdf_report_file"])

    def test_what_was_sent_is_what_is_shown(self):
        move = self.posted()
        self.send(move)

        answer = self.print(move)

        self.assertEqual(base64.b64decode(answer["pdf"]), SENT)
        self.assertFalse(answer["reason"])
        page = self.services.export_catalog("invoice", record_ids=move.ids)
        self.assertEqual([answer["row"]], page["rows"])

    def test_a_draft_does_not_show_what_was_sent_before(self):
        move = self.posted()
        self.send(move)
        move.button_draft()

        # Odoo prints nothing in tests.
        answer = self.print(move)
        self.assertEqual((answer["pdf"], answer["reason"]), (False, "no_report_engine"))

    def test_what_is_too_large_is_not_sent(self):
        move = self.posted()
        self.send(move)

        answer = self.print(move, max_bytes=len(SENT) - 1)

        self.assertEqual((answer["pdf"], answer["reason"]), (False, "too_large"))
        self.assertTrue(self.print(move, max_bytes=len(SENT))["pdf"])

    def test_other_invoices_and_other_companies_are_gone(self):
        gone = {"row": False, "pdf": False, "reason": "gone"}
        others = self.init_invoice("out_invoice", amounts=[10.0], post=True)
        self.assertEqual(self.print(others), gone)
        move = self.posted()
        elsewhere = self.setup_other_company()["company"]
        self.bridge.write({"company_ids": elsewhere.ids, "company_id": elsewhere.id})
        services = self.services.with_context(allowed_company_ids=elsewhere.ids)
        self.assertEqual(services.invoice_pdf(move.id, 1_000_000), gone)

    def test_nobody_but_the_bridge_may_ask(self):
        move = self.posted()
        clerk = new_test_user(self.env, "clerk", groups="account.group_account_invoice")

        with self.assertRaises(AccessError):
            self.services.with_user(clerk).invoice_pdf(move.id, 1_000_000)
