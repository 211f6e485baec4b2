import json
from datetime import timedelta

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user

from .common import BRIDGE, BillingCase


class EventExchangeTest(BillingCase):
    mode = "live"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.events = cls.env["fusion.billing.webhook"]
        cls.env.cr.flush()
        cls.events.search([]).unlink()
        cls.wire = cls.events.with_user(cls.bridge)

    def event(self, key, **more):
        row = {"service_id": self.service.id, "key": key, "event": "invoice.created"}
        return self.events.create({**row, "payload": {"invoice": {}}, **more})

    def keys(self, **more):
        return [row["key"] for row in self.wire.fetch_events(**more)]

    def test_pending_events_are_fetched_by_pages(self):
        first = self.event("a")
        for key in ("b", "c"):
            self.event(key)

        self.assertEqual(self.keys(limit=2), ["a", "b"])
        self.assertEqual(self.keys(after_id=first.id), ["b", "c"])
        row = self.wire.fetch_events(limit=1)[0]
        self.assertEqual(json.loads(row["payload"]), {"invoice": {}})
        self.assertEqual((row["service"], row["id"]), ("nexa", first.id))

    def test_what_is_marked_is_not_fetched_again(self):
        taken, failed = self.event("a"), self.event("b")
        rows = [{"key": "a", "state": "taken"}]
        rows.append({"key": "b", "state": "failed", "reason": "odd"})

        self.assertStatuses(self.wire.mark_events(rows), "updated", "updated")
        self.assertStatuses(self.wire.mark_events(rows[:1]), "unchanged")
        self.assertEqual(self.keys(), [])
        self.assertEqual((taken.state, failed.state), ("taken", "failed"))
        self.assertEqual(failed.reason, "odd")

    def test_a_bad_mark_sinks_no_other(self):
        self.event("a")
        rows = [{"key": "zz", "state": "taken"}, 7, {"key": "a", "state": "gone"}]
        rows.append({"key": "a", "state": "taken"})

        results = self.wire.mark_events(rows)

        self.assertStatuses(results, "error", "error", "error", "updated")
        self.assertEqual(results[0]["reason"], "key: unknown key 'zz'")

    def test_a_failed_event_is_sent_again_by_a_manager(self):
        event = self.event("a", state="failed", reason="odd")
        event.action_send_again()

        self.assertEqual(self.keys(), ["a"])
        with self.assertRaises(UserError):
            event.action_send_again()

    def test_events_of_a_service_in_shadow_wait(self):
        self.event("a")
        self.service.mode = "shadow"
        self.assertEqual(self.keys(), [])
        self.service.mode = "live"
        self.assertEqual(self.keys(), ["a"])

    def test_another_companys_events_are_neither_seen_nor_marked(self):
        other = self.env["res.company"].create({"name": "Other"})
        theirs = {"company_id": other.id, "company_ids": other.ids}
        stranger = new_test_user(self.env, "theirs", groups=BRIDGE, **theirs)
        event = self.event("a")
        wire = self.events.with_user(stranger)

        self.assertEqual(wire.fetch_events(), [])
        self.assertStatuses(wire.mark_events([{"key": "a", "state": "taken"}]), "error")
        self.assertEqual(event.state, "pending")

    def test_the_methods_are_the_bridges_alone(self):
        group = "fusion_centralize_billing.group_billing_user"
        reader = self.events.with_user(new_test_user(self.env, "r", groups=group))
        for call in (reader.fetch_events, lambda: reader.mark_events([])):
            with self.assertRaises(AccessError):
                call()
        with self.assertRaises(AccessError):
            self.wire.search([])

    def test_what_was_taken_long_ago_is_removed(self):
        old = self.event("a", state="taken")
        old_failed, new = (
            self.event("b", state="failed"),
            self.event("c", state="taken"),
        )
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE fusion_billing_webhook SET write_date = %s WHERE id = ANY(%s)",
            [self.env.cr.now() - timedelta(days=91), (old | old_failed).ids],
        )
        self.events.invalidate_model()

        self.events._gc_taken()

        self.assertEqual((old | old_failed | new).exists(), old_failed | new)
