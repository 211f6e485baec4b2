from odoo.exceptions import AccessError, ValidationError

from .common import BillingCase

FIRST, SECOND = "2026-03-01 03:00:00", "2026-03-02 03:00:00"


class FindingsTest(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.findings = cls.env["fusion.billing.reconciliation"].with_user(cls.bridge)

    def finding(self, **more):
        row = {"service": self.code, "kind": "usage", "level": "drift"}
        row |= {"subject": "s1 / cpu / 2026-02-01 05:00:00", "field": "quantity"}
        row |= {"ledger_value": "1.5", "odoo_value": "9", "usage": False}
        return {**row, "checked_at": FIRST, **more}

    def store(self, *rows):
        return self.findings.store_findings(list(rows))

    def stored(self):
        return self.findings.sudo().search([("service_id", "=", self.service.id)])

    def test_a_difference_of_every_night_is_one_row(self):
        self.assertStatuses(self.store(self.finding()), "created")
        self.assertStatuses(self.store(self.finding()), "unchanged")
        later = self.finding(checked_at=SECOND, odoo_value="10")
        self.assertStatuses(self.store(later), "updated")

        (row,) = self.stored()
        self.assertEqual((row.ledger_value, row.odoo_value), ("1.5", "10"))
        self.assertEqual(str(row.checked_at), SECOND)

    def test_what_is_found_no_more_is_resolved_and_may_come_back(self):
        self.store(self.finding(), self.finding(field="amount"))
        self.store(self.finding(checked_at=SECOND))

        resolve = self.findings.resolve_findings
        self.assertEqual(resolve([self.code], ["usage"], SECOND), 1)
        self.assertEqual(resolve([self.code], ["usage"], SECOND), 0)
        states = {row.field: row.resolved for row in self.stored()}
        self.assertEqual(states, {"quantity": False, "amount": True})

        self.store(self.finding(field="amount", checked_at=SECOND))
        self.assertEqual(self.stored().mapped("resolved"), [False, False])

    def test_other_kinds_and_services_are_left_as_they_are(self):
        self.store(self.finding(kind="dual_run"), self.finding())

        self.findings.resolve_findings(["other"], ["usage", "dual_run"], SECOND)
        self.findings.resolve_findings([self.code], ["catalog"], SECOND)

        self.assertFalse(any(self.stored().mapped("resolved")))

    def test_the_row_of_usage_is_linked_if_it_is_the_services(self):
        self.upsert(self.rollup())
        usage = self.env["fusion.billing.usage"].search([], limit=1)

        self.store(
            self.finding(usage=usage.id),
            self.finding(field="gone", usage=2**31 - 1),
        )

        links = {row.field: row.usage_id for row in self.stored()}
        self.assertEqual(links, {"quantity": usage, "gone": usage.browse()})

    def test_a_bad_row_sinks_no_others(self):
        results = self.store(
            self.finding(service="none"),
            self.finding(level="loud"),
            self.finding(field=False),
            self.finding(),
        )

        self.assertStatuses(results, "error", "error", "error", "created")
        self.assertEqual(results[0]["reason"], "service: unknown service 'none'")
        with self.assertRaises(ValidationError):
            self.findings.resolve_findings([self.code], ["usage"], "yesterday")

    def test_the_bridge_cannot_read_or_change_them_itself(self):
        for operation in ("read", "write", "create", "unlink"):
            self.assertFalse(self.findings.has_access(operation))
        for user in (self.env.ref("base.public_user"),):
            with self.assertRaises(AccessError):
                self.findings.with_user(user).store_findings([])
            with self.assertRaises(AccessError):
                self.findings.with_user(user).resolve_findings([], [], SECOND)
