from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from .common import JANUARY, BillingCase


class UpsertRollupsTest(BillingCase):
    def rows(self):
        return self.env["fusion.billing.usage"].search(
            [("service_id", "=", self.service.id)], order="id"
        )

    def test_only_a_newer_revision_changes_a_row(self):
        first, second = self.rollup(), self.rollup(revision=2, quantity="2.5")

        self.assertStatuses(self.upsert(first), "created")
        self.assertStatuses(self.upsert(first), "unchanged")
        self.assertStatuses(self.upsert(second), "updated")
        (stale,) = self.upsert(first)

        self.assertEqual((stale["status"], stale["revision"]), ("stale", 2))
        self.assertEqual(str(self.rows().quantity), "2.5")

    def test_records_in_memory_are_right_afterwards(self):
        self.upsert(self.rollup())
        row = self.rows()
        before = (str(row.quantity), self.order.x_fc_usage_count)

        self.upsert(
            self.rollup(revision=2, quantity="7"),
            self.rollup(
                period_start="2026-03-01 05:00:00", period_end="2026-04-01 04:00:00"
            ),
        )
        self.order.invalidate_recordset(["x_fc_usage_count"])

        self.assertEqual(before, ("1.5", 1))
        self.assertEqual(str(row.quantity), "7")
        self.assertEqual(self.order.x_fc_usage_count, 2)

    def test_what_was_written_in_memory_is_flushed_first(self):
        self.upsert(self.rollup())
        row = self.rows()
        row.quantity = "999"

        self.assertStatuses(self.upsert(self.rollup()), "updated")
        self.assertEqual(str(row.quantity), "1.5")

    def test_a_row_knows_who_wrote_it(self):
        self.upsert(self.rollup())
        row = self.rows()

        self.assertEqual((row.create_uid, row.write_uid), (self.bridge, self.bridge))
        self.assertTrue(row.write_date)

    def test_a_correction_stands_beside_the_periods_own_row(self):
        own, late = self.rollup(), self.rollup(correction_of=JANUARY, quantity="-1")

        self.assertStatuses(self.upsert(own, late), "created", "created")
        self.assertStatuses(self.upsert(own, late), "unchanged", "unchanged")
        found = {bool(row.correction_of): str(row.quantity) for row in self.rows()}
        self.assertEqual(found, {False: "1.5", True: "-1"})

    def test_a_bad_row_sinks_no_others(self):
        results = self.upsert(
            self.rollup(subscription="nobody"),
            self.rollup(quantity="NaN"),
            "not a row",
            self.rollup(),
        )

        self.assertStatuses(results, "error", "error", "error", "created")
        self.assertEqual(results[0]["reason"], "unknown subscription nobody")

    def test_a_reader_may_not_write(self):
        reader = new_test_user(
            self.env,
            "billing-reader",
            groups="fusion_centralize_billing.group_billing_user",
        )
        with self.assertRaises(AccessError):
            self.usage.with_user(reader).upsert_rollups([self.rollup()])

    def test_the_report_adds_the_rows_up(self):
        self.upsert(
            self.rollup(quantity="1.5"),
            self.rollup(correction_of=JANUARY, quantity="2"),
        )

        report = self.env["fusion.billing.usage.report"]
        domain = [("service_id", "=", self.service.id)]
        groups = report._read_group(domain, ["metric_id"], ["quantity:sum"])
        self.assertEqual([total for _, total in groups], [3.5])
