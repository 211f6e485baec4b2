from odoo.exceptions import ValidationError
from odoo.tests import tagged

from ..models.upsert_rollups import COLUMNS
from .common import JANUARY, START, BillingCase
from .invoicing import InvoicingCase


class ReadBackTest(BillingCase):
    def key(self, **more):
        row = self.rollup(**more)
        names = ("service", "subscription", "metric", "period_start")
        return {
            **{name: row[name] for name in names},
            "correction_of": row.get("correction_of", False),
        }

    def test_a_row_comes_back_as_it_was_given(self):
        given = self.frozen("0.00750000000000000000", revision=7)
        self.upsert(given)

        (found,) = self.usage.export_usage()["rows"]

        self.assertEqual({name: found[name] for name in given}, given)
        self.assertEqual(found["correction_of"], False)
        self.assertEqual((found["billed"], found["invoice"]), (False, False))

    def test_every_value_that_is_taken_is_read_back(self):
        self.upsert(self.rollup())

        (found,) = self.usage.export_usage()["rows"]

        self.assertEqual(
            set(found), {*COLUMNS, "id", "write_date", "billed", "invoice"}
        )

    def test_pages_go_by_rising_id_and_end(self):
        self.upsert(*(self.rollup(correction_of=f"2025-0{n}-01") for n in range(1, 6)))
        seen, after_id = [], 0
        while (page := self.usage.export_usage(after_id, 2))["rows"]:
            self.assertLessEqual(len(page["rows"]), 2)
            seen += [row["id"] for row in page["rows"]]
            after_id = page["last_id"]

        self.assertEqual(len(seen), 5)
        self.assertEqual(seen, sorted(seen))
        self.assertEqual(page["last_id"], after_id)

    def test_one_service_may_be_asked_for(self):
        self.upsert(self.rollup())

        self.assertEqual(len(self.usage.export_usage(service="nexa")["rows"]), 1)
        self.assertEqual(self.usage.export_usage(service="none")["rows"], [])

    def test_rows_are_found_by_their_keys(self):
        self.upsert(self.rollup(), self.rollup(correction_of=JANUARY, quantity="2"))

        found = self.usage.find_usage(
            [self.key(correction_of=JANUARY), self.key(subscription="none")]
        )

        self.assertEqual([row["quantity"] for row in found], ["2"])
        self.assertEqual(found[0]["correction_of"], JANUARY)
        self.assertEqual(self.usage.find_usage([]), [])

    def test_a_key_that_is_none_is_refused(self):
        for bad in (self.key(period_start="soon"), {}, "x"):
            with self.assertRaises(ValidationError):
                self.usage.find_usage([bad])
        with self.assertRaises(ValidationError):
            self.usage.find_usage([self.key()] * 1001)

    def test_another_companys_rows_are_not_read(self):
        self.upsert(self.rollup())
        other = self.env["res.company"].create({"name": "Other"})
        self.bridge.write({"company_ids": other.ids, "company_id": other.id})

        self.assertEqual(self.usage.export_usage()["rows"], [])
        self.assertEqual(self.usage.find_usage([self.key()]), [])


@tagged("post_install", "-at_install")
class ReadBackBilledTest(InvoicingCase):
    def billed(self):
        rows = self.usage.export_usage(service=self.code)["rows"]
        return {row["correction_of"]: row["billed"] for row in rows}

    def assertBilled(self, **wanted):
        found = {key: float(value) for key, value in self.billed().items()}
        self.assertEqual(found, {False: wanted["own"], JANUARY: wanted["late"]})

    def test_what_the_invoice_bills_is_told_as_a_person_left_it(self):
        self.upsert(self.frozen("5.00"), self.frozen("-1.25", correction_of=JANUARY))
        invoice = self.invoice(self.close())
        self.assertBilled(own=5.0, late=-1.25)

        own, late = invoice.invoice_line_ids
        own.price_unit = 6
        late.discount = 20

        self.assertBilled(own=6.0, late=-1.0)
        (row, _) = self.usage.export_usage(service=self.code)["rows"]
        self.assertEqual(row["invoice"], f"draft {invoice.id}")

    def test_a_credit_notes_lines_count_with_the_other_sign(self):
        self.upsert(self.frozen("1.00"), self.frozen("-3.25", correction_of=JANUARY))
        self.assertEqual(self.invoice(self.close()).move_type, "out_refund")

        self.assertBilled(own=1.0, late=-3.25)

    def test_a_cancelled_invoice_bills_nothing(self):
        self.upsert(self.frozen("5.00"))
        self.invoice(self.close()).button_cancel()

        self.assertEqual(self.billed(), {False: False})
        self.assertEqual(self.close()["status"], "created")
        self.assertEqual(START, self.usage.export_usage()["rows"][0]["period_start"])
