import json

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user
from odoo.tools import mute_logger
from psycopg2.errors import ForeignKeyViolation

from .common import BillingCase

REGIONS = json.dumps([{"key": "region", "values": ["ca", "eu"]}])
FILTERS = json.dumps([{"values": {"region": ["eu"]}, "price": "0.02"}])


class PartsTest(BillingCase):
    """What a person does by hand; what the bridge brings is in the contract's tests."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.metric_record,) = cls.service.metric_ids
        (cls.plan_record,) = cls.service.plan_ids
        (cls.charge_record,) = cls.plan_record.charge_ids
        cls.metric_record.filters = REGIONS
        cls.charge_record.filters = FILTERS

    def assertRefused(self, text, record, **values):
        with self.assertRaises(ValidationError) as caught, self.cr.savepoint():
            record.write(values)
            self.env.flush_all()
        self.assertIn(text, str(caught.exception))

    def test_what_a_charge_uses_stays(self):
        only = json.dumps([{"key": "region", "values": ["ca"]}])

        self.assertRefused("basic charges region eu", self.metric_record, filters=only)
        self.assertRefused("basic charges region", self.metric_record, filters=False)
        self.assertRefused("basic charges the", self.metric_record, active=False)

    def test_a_charge_that_goes_frees_its_metric(self):
        self.charge_record.unlink()
        self.metric_record.active = False

        self.assertFalse(self.metric_record.active)

    def test_an_archived_plan_holds_its_metric_while_an_order_has_it(self):
        self.plan_record.active = False
        self.assertRefused("basic charges the", self.metric_record, active=False)

        self.order.x_fc_ended_at = "2026-02-01 05:00:00"
        self.metric_record.active = False
        self.assertFalse(self.metric_record.active)

    def test_texts_that_are_no_lists_are_refused_by_their_place(self):
        for record, values, text in (
            (self.metric_record, {"filters": "[{}]"}, "filters[0].key: must be"),
            (self.charge_record, {"group_keys": "x"}, "group_keys: is not JSON"),
            (self.charge_record, {"filters": '[{"values": {"x": ["y"]}}]'}, "no x y"),
            (self.plan_record, {"usage_thresholds": "[3]"}, "usage_thresholds[0]"),
        ):
            with self.subTest(text=text):
                self.assertRefused(text, record, **values)

    @mute_logger("odoo.sql_db")
    def test_a_metric_that_is_charged_is_not_deleted(self):
        with self.assertRaises(ForeignKeyViolation), self.cr.savepoint():
            self.metric_record.unlink()
            self.env.flush_all()

    def test_a_copy_is_no_apps(self):
        self.plan_record.revision = 7
        copied = self.plan_record.copy({"plan_code": "copy"})

        self.assertFalse(copied.revision)

    def test_who_reads_the_catalog_may_not_archive_it(self):
        reader = new_test_user(
            self.env, "reader", "fusion_centralize_billing.group_billing_user"
        )
        for record in (self.plan_record, self.metric_record, self.charge_record):
            with self.subTest(model=record._name):
                seen = record.with_user(reader)
                self.assertTrue(seen.display_name)
                with self.assertRaises(AccessError):
                    seen.write({"create_uid": reader.id})
        with self.assertRaises(AccessError):
            self.plan_record.with_user(reader).active = False

    def test_the_bridge_writes_no_catalog_but_by_its_method(self):
        with self.assertRaises(AccessError):
            self.metric_record.with_user(self.bridge).filters = False
        with self.assertRaises(AccessError):
            self.env["fusion.billing.service"].with_user(
                new_test_user(self.env, "nobody", "base.group_user")
            ).apply_catalog("plan", [self.plan()])

    def test_a_manager_edits_the_terms(self):
        manager = new_test_user(
            self.env, "manager", "fusion_centralize_billing.group_billing_manager"
        )
        charge = self.charge_record.with_user(manager)
        charge.write({"model": "percentage", "fixed": "0.3", "free_events": "5"})
        self.metric_record.with_user(manager).description = "Seconds"

        self.assertEqual(str(charge.fixed), "0.3")
