from odoo.exceptions import ValidationError
from odoo.tools import mute_logger

from .common import BillingCase


class ApplyCatalogTest(BillingCase):
    def test_the_same_rows_again_change_nothing(self):
        for kind in ("metric", "plan", "customer", "subscription"):
            with self.subTest(kind=kind):
                results = self.apply(kind, getattr(self, kind)())
                self.assertStatuses(results, "unchanged")

    def test_one_bad_row_does_not_sink_the_others(self):
        results = self.apply(
            "metric",
            self.metric(code="a"),
            self.metric(code="b", aggregation="median"),
            "not a row",
            self.metric(code="c", service="nobody"),
            self.metric(code="d"),
        )

        self.assertStatuses(results, "created", "error", "error", "error", "created")
        self.assertIn("aggregation", results[1]["reason"])
        self.assertEqual(results[3]["reason"], "service: unknown service 'nobody'")

    @mute_logger("odoo.sql_db")
    def test_what_a_constraint_refuses_is_the_rows_own_error(self):
        ended = self.subscription(external_id="s2", ended_at="2025-01-01 00:00:00")

        results = self.apply("subscription", ended, self.subscription())

        self.assertStatuses(results, "error", "unchanged")
        self.assertIn("must end after it starts", results[0]["reason"])

    def test_an_empty_external_id_is_missing(self):
        for kind in ("customer", "subscription"):
            row = getattr(self, kind)(external_id="")
            (result,) = self.apply(kind, row)
            self.assertEqual(result["reason"], "external_id: missing")

    def test_a_charge_that_stays_keeps_its_product_and_taxes(self):
        product = self.env["product.product"].create({"name": "CPU", "type": "service"})
        (charge,) = self.service.plan_ids.charge_ids
        charge.product_id = product

        changed = self.plan(charges=[self.charge(price="0.008")])
        self.assertStatuses(self.apply("plan", changed), "updated")

        self.assertEqual(charge.product_id, product)
        self.assertEqual(str(charge.price), "0.008")

    def test_a_plan_changes_with_its_charges(self):
        (plan,) = self.service.plan_ids
        self.env.cr.execute(
            "UPDATE fusion_billing_plan SET write_date = '2020-01-01' WHERE id = %s",
            [plan.id],
        )
        plan.invalidate_recordset()

        results = self.apply("plan", self.plan(charges=[]))

        self.assertStatuses(results, "updated")
        self.assertGreater(plan.write_date.year, 2020)

    def test_an_order_is_a_native_one_of_the_services_company(self):
        self.assertEqual(self.order.company_id, self.service.company_id)
        self.assertEqual(self.order.state, "draft")
        self.assertTrue(self.order.currency_id)
        self.assertEqual(self.order.x_fc_plan_code, "basic")

    def test_what_was_applied_is_exported(self):
        page = self.services.export_catalog("plan", 0, 1000)

        (row,) = [row for row in page["rows"] if row["service"] == self.code]
        self.assertEqual(row["price"], "12.50")
        self.assertEqual(row["charges"][0]["price"], "0.0075")
        self.assertIs(row["charges"][0]["minimum"], False)

    def test_a_kind_that_there_is_not_is_refused(self):
        with self.assertRaises(ValidationError):
            self.apply("coupon")
        with self.assertRaises(ValidationError):
            self.services.export_catalog("coupon")

    def test_keys_are_kept_as_hashes_alone(self):
        self.service.key_hashes = f"{'a1' * 32}\n{'b2' * 32}"
        with self.assertRaises(ValidationError):
            self.service.key_hashes = "a-key-in-clear"
