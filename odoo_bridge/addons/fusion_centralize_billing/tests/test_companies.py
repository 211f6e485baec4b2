from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user

from .common import BRIDGE, END, START, BillingCase


class CompaniesTest(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.env["res.company"].create({"name": "Other"})
        theirs = {"company_id": cls.other.id, "company_ids": cls.other.ids}
        cls.stranger = new_test_user(cls.env, "theirs", groups=BRIDGE, **theirs)
        cls.reader = new_test_user(
            cls.env,
            "their-reader",
            groups="fusion_centralize_billing.group_billing_user",
            **theirs,
        )

    def test_a_new_service_belongs_to_the_callers_company(self):
        row = {"code": "theirs", "name": "Theirs", "mode": "shadow"}
        (result,) = self.services.with_user(self.stranger).apply_catalog(
            "service", [row]
        )

        service = self.service.browse(result["id"])
        self.assertEqual(service.company_id, self.other)

    def test_another_companys_service_is_unknown(self):
        services = self.services.with_user(self.stranger)
        (metric,) = services.apply_catalog("metric", [self.metric()])
        (rollup,) = self.usage.with_user(self.stranger).upsert_rollups([self.rollup()])
        page = services.export_catalog("service")

        self.assertEqual(metric["reason"], "service: unknown service 'nexa'")
        self.assertEqual(rollup["reason"], "unknown service nexa")
        self.assertNotIn("nexa", [row["code"] for row in page["rows"]])

    def test_another_companys_code_cannot_be_taken(self):
        row = {"code": self.code, "name": "Mine now", "mode": "live"}
        (result,) = self.services.with_user(self.stranger).apply_catalog(
            "service", [row]
        )

        self.assertEqual(result["status"], "error")
        self.assertEqual((self.service.name, self.service.mode), ("Nexa", "shadow"))

    def test_another_companys_records_are_not_seen(self):
        self.upsert(self.rollup())
        for name in ("service", "metric", "plan", "charge", "account.link", "usage"):
            own = self.env[f"fusion.billing.{name}"].search([])
            theirs = own.with_user(self.reader).search([("id", "in", own.ids)])
            self.assertTrue(own, name)
            self.assertFalse(theirs, name)

    def test_naming_another_company_in_the_context_opens_nothing(self):
        for user in (self.stranger, self.manager_of(self.other)):
            context = {"allowed_company_ids": self.service.company_id.ids}
            env = self.env(user=user, context=context)
            services, usage = env["fusion.billing.service"], self.usage.with_env(env)
            events = env["fusion.billing.webhook"]
            findings = env["fusion.billing.reconciliation"]
            for call in (
                lambda s=services: s.apply_catalog("metric", [self.metric()]),
                lambda s=services: s.export_catalog("customer"),
                lambda s=services: s.read_horizon(),
                lambda u=usage: u.upsert_rollups([self.rollup()]),
                lambda u=usage: u.close_period([]),
                lambda u=usage: u.export_usage(),
                lambda e=events: e.fetch_events(),
                lambda e=events: e.mark_events([]),
                lambda f=findings: f.store_findings([]),
            ):
                with self.assertRaises(AccessError):
                    call()

    def test_usage_cannot_be_put_on_another_companys_subscription(self):
        user = self.manager_of(self.other)
        row = {"code": "theirs", "name": "Theirs", "mode": "live"}
        (made,) = self.services.with_user(user).apply_catalog("service", [row])
        metric = self.env["fusion.billing.metric"].search(
            [("service_id", "=", self.service.id)]
        )
        values = {"service_id": made["id"], "subscription_id": self.order.id}
        values |= {"metric_id": metric.id, "quantity": "1", "revision": 1}
        values |= {"period_start": START, "period_end": END}

        with self.assertRaises(ValidationError):
            self.usage.with_user(user).create(values)

    def manager_of(self, company):
        group = "fusion_centralize_billing.group_billing_manager"
        theirs = {"company_id": company.id, "company_ids": company.ids}
        return new_test_user(self.env, "their-manager", groups=group, **theirs)
