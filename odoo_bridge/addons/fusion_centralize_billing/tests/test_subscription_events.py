from odoo.tests import tagged

from .telling import EventCase


@tagged("post_install", "-at_install")
class SubscriptionEventsTest(EventCase):
    def change(self, **more):
        self.assertStatuses(
            self.apply("subscription", self.subscription(**more)), "updated"
        )

    def test_a_confirmed_order_is_started(self):
        self.order.action_confirm()

        ((name, told),) = self.told()
        self.assertEqual((name, told["status"]), ("subscription.started", "active"))
        self.assertEqual(told["external_id"], "s1")
        self.assertEqual(told["external_customer_id"], "c1")
        self.assertEqual(told["started_at"], "2026-01-01T05:00:00Z")
        self.assertEqual(told["billing_time"], "calendar")

    def test_another_plan_and_time_zone_are_one_update(self):
        self.apply("plan", self.plan(code="big"))
        self.change(plan="big", timezone="America/Vancouver")

        ((name, told),) = self.told()
        self.assertEqual(name, "subscription.updated")
        self.assertEqual(
            (told["plan_code"], told["previous_plan_code"]), ("big", "basic")
        )
        self.assertEqual(told["timezone"], "America/Vancouver")

    def test_a_change_that_is_none_tells_nothing(self):
        self.order.write({"x_fc_timezone": "America/Toronto", "note": "x"})
        self.order.write({"x_fc_timezone": "UTC"})
        self.order.write({"x_fc_timezone": "America/Toronto"})

        self.assertEqual(self.types(), [])

    def test_a_cancelled_order_is_terminated_once(self):
        self.order.action_confirm()
        self.taken()
        self.order._action_cancel()
        ((name, told),) = self.told()
        self.order.write({"x_fc_ended_at": "2026-02-01 05:00:00"})
        self.taken()
        self.events._cron_tell()

        self.assertEqual(
            (name, told["status"]), ("subscription.terminated", "terminated")
        )
        self.assertTrue(told["terminated_at"])
        self.assertEqual(self.types(), [])

    def test_an_end_in_the_past_terminates_at_once(self):
        self.change(ended_at="2026-03-01 05:00:00")
        ((name, told),) = self.told()
        self.events._cron_tell()

        self.assertEqual(name, "subscription.terminated")
        self.assertEqual(told["terminated_at"], "2026-03-01T05:00:00Z")
        self.assertEqual(self.types(), [])

    def test_an_end_to_come_is_an_update_and_terminates_when_it_comes(self):
        self.change(ended_at="2150-01-01 00:00:00")
        ((name, told),) = self.told()
        early = self.events._tell_ended(self.env.cr.now())
        self.env.cr.execute(
            "UPDATE sale_order SET x_fc_ended_at = now() - interval '1 s' "
            "WHERE id = %s",
            [self.order.id],
        )
        self.order.invalidate_recordset()
        self.events._cron_tell()
        ended = self.types()
        self.events._cron_tell()

        self.assertEqual((name, told["status"]), ("subscription.updated", "pending"))
        self.assertEqual(early, 0)
        self.assertEqual(ended, ["subscription.terminated"])
        self.assertEqual(self.types(), [])

    def test_one_that_is_taken_up_again_is_started_again(self):
        self.order.action_confirm()
        self.change(ended_at="2026-03-01 05:00:00")
        self.taken()
        self.change()

        self.assertEqual(self.types(), ["subscription.started"])

    def test_what_its_app_changed_is_told_by_the_ledger_alone(self):
        made = self.subscription(external_id="s2", revision=1)
        self.apply("subscription", {**made, "changed": ["customer", "plan"]})
        order = self.order_of("s2")
        ended = {"ended_at": "2026-03-01 05:00:00", "revision": 2}
        self.apply("subscription", {**made, **ended, "changed": ["ended_at"]})
        self.events._cron_tell()

        self.assertEqual((order.state, order.x_fc_closed), ("sale", True))
        self.assertEqual(self.types(), [])
        order.x_fc_ended_at = False
        self.assertEqual(self.types(), ["subscription.started"])

    def test_a_new_order_tells_nothing_until_it_is_confirmed(self):
        self.apply("subscription", self.subscription(external_id="s2"))
        fresh = self.types()
        row = {"partner_id": self.client.id, "x_fc_service_id": self.service.id}
        self.env["sale.order"].create(
            {**row, "x_fc_external_id": "s3", "state": "sale"}
        )

        self.assertEqual(fresh, [])
        self.assertEqual(self.types(), ["subscription.started"])

    def test_orders_of_no_service_tell_nothing(self):
        order = self.env["sale.order"].create({"partner_id": self.client.id})
        order.action_confirm()
        order._action_cancel()

        self.assertEqual(self.types(), [])

    def test_a_shadow_service_hears_nothing_even_later(self):
        self.into_shadow()
        self.change(timezone="UTC")
        self.change(ended_at="2026-03-01 05:00:00")
        self.assertEqual(self.types(), [])
        row = {"code": self.code, "name": "Nexa", "mode": "live"}
        self.apply("service", row)
        self.events._cron_tell()

        self.assertEqual(self.types(), [])
