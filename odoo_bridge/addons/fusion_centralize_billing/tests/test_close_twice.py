from odoo.exceptions import ConcurrencyError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger
from psycopg2.errors import UniqueViolation

from ..models import applying
from .common import END, JANUARY, START
from .invoicing import InvoicingCase


@tagged("post_install", "-at_install")
class CloseTwiceTest(InvoicingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.usage.upsert_rollups([cls.frozen("5.00")])

    def test_closing_again_makes_no_second_invoice(self):
        first, second = self.close(), self.close()

        self.assertEqual(second, {**first, "status": "unchanged"})

    def test_a_posted_invoice_stays_as_it_is(self):
        first = self.close()
        self.invoice(first).action_post()

        self.assertEqual(self.close(), {**first, "status": "unchanged"})

    def test_a_cancelled_invoice_makes_room_for_another(self):
        first = self.close()
        self.invoice(first).button_cancel()

        second = self.close()

        self.assertEqual(second["status"], "created")
        self.assertNotEqual(first["id"], second["id"])

    def test_rows_that_came_since_go_on_the_draft(self):
        first = self.close()
        self.upsert(self.frozen("1.00", correction_of=JANUARY))

        second = self.close()

        self.assertEqual((second["id"], second["status"]), (first["id"], "updated"))
        self.assertEqual(self.invoice(second).amount_untaxed, 6.0)
        self.assertEqual(self.close()["status"], "unchanged")

    def test_rows_that_came_after_posting_are_told(self):
        first = self.close()
        self.invoice(first).action_post()
        self.upsert(self.frozen("1.00", correction_of=JANUARY))

        result = self.close()

        self.assertEqual(result["status"], "error")
        self.assertIn("1 rows came after", result["reason"])

    def test_a_copy_is_no_second_invoice_of_the_period(self):
        copy = self.invoice(self.close()).copy()

        self.assertFalse(copy.x_fc_service_id)
        self.assertFalse(copy.invoice_line_ids.x_fc_usage_id)

    @mute_logger("odoo.sql_db")
    def test_a_row_is_billed_once_whoever_tries(self):
        (line,) = self.invoice(self.close()).invoice_line_ids
        other = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.client.id,
                "invoice_line_ids": [
                    Command.create({"name": "By hand", "price_unit": 1})
                ],
            }
        )
        with self.assertRaises(UniqueViolation), self.env.cr.savepoint():
            other.invoice_line_ids.x_fc_usage_id = line.x_fc_usage_id
            self.env.flush_all()

    def test_a_credit_note_of_it_bills_no_row(self):
        invoice = self.invoice(self.close())
        invoice.action_post()
        note = invoice._reverse_moves()

        self.assertFalse(note.line_ids.x_fc_usage_id)
        self.assertEqual(self.close()["status"], "unchanged")

    @mute_logger("odoo.sql_db")
    def test_another_call_that_was_faster_has_this_one_tried_again(self):
        self.close()
        values = {
            "move_type": "out_invoice",
            "partner_id": self.client.id,
            "x_fc_service_id": self.service.id,
            "x_fc_client_id": self.client.id,
            "x_fc_period_start": START,
            "x_fc_period_end": END,
        }
        with self.assertRaises(ConcurrencyError), self.env.cr.savepoint():
            applying.create(self.env["account.move"], values)
