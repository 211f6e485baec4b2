from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from .common import BRIDGE, BillingCase

OWN = (
    "service",
    "account.link",
    "metric",
    "plan",
    "charge",
    "usage",
    "usage.report",
    "webhook",
    "reconciliation",
)


class RightsTest(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        group = "fusion_centralize_billing.group_billing_"
        cls.reader = new_test_user(cls.env, "reader", groups=f"{group}user")
        cls.manager = new_test_user(cls.env, "manager", groups=f"{group}manager")
        cls.stranger = new_test_user(cls.env, "stranger", groups="base.group_user")

    def models_of(self, user, operation):
        """The models that a user may act on; what all users may, left out."""
        env = self.env(user=user)
        names = {name for name in env.registry if not env[name]._abstract}
        names = {n for n in names if not env[n]._transient and not env[n].env.su}
        return {name for name in names if env[name].has_access(operation)}

    def own(self, user, operation):
        env = self.env(user=user)
        return [n for n in OWN if env[f"fusion.billing.{n}"].has_access(operation)]

    def test_the_bridge_has_two_models_and_writes_one(self):
        service, usage = "fusion.billing.service", "fusion.billing.usage"
        nobody = self.env["res.users"].create({"name": "n", "login": "n"})
        nobody.group_ids = False
        for operation, wanted in (
            ("read", {service, usage}),
            ("write", {usage}),
            ("create", {usage}),
            ("unlink", set()),
        ):
            own = self.models_of(self.bridge, operation)
            self.assertEqual(own - self.models_of(nobody, operation), wanted, operation)

    def test_the_bridge_reads_no_clients_orders_or_invoices(self):
        for name in ("res.partner", "sale.order", "account.move"):
            with self.assertRaises(AccessError):
                self.env[name].with_user(self.bridge).search_count([])

    def test_the_bridges_keys_last_a_year(self):
        self.assertEqual(self.env.ref(BRIDGE).api_key_duration, 365)
        self.assertEqual(self.bridge.all_group_ids, self.env.ref(BRIDGE))

    def test_a_reader_reads_everything_and_changes_nothing(self):
        self.assertEqual(self.own(self.reader, "read"), list(OWN))
        for operation in ("write", "create", "unlink"):
            self.assertEqual(self.own(self.reader, operation), [])

    def test_a_manager_keeps_everything_but_the_report(self):
        tables = [name for name in OWN if name != "usage.report"]
        for operation in ("write", "create", "unlink"):
            self.assertEqual(self.own(self.manager, operation), tables)

    def test_other_users_see_nothing_of_it(self):
        self.assertEqual(self.own(self.stranger, "read"), [])

    def test_the_bridges_methods_refuse_all_others(self):
        for user in (self.reader, self.stranger):
            services, usage = self.services.with_user(user), self.usage.with_user(user)
            for call in (
                lambda services=services: services.apply_catalog("service", []),
                lambda services=services: services.export_catalog("service"),
                lambda services=services: services.export_catalog("invoice"),
                lambda services=services: services.read_horizon(),
                lambda usage=usage: usage.upsert_rollups([]),
                lambda usage=usage: usage.close_period([]),
                lambda usage=usage: usage.export_usage(),
                lambda usage=usage: usage.find_usage([]),
            ):
                with self.assertRaises(AccessError):
                    call()

    def test_hashes_of_keys_are_for_managers(self):
        with self.assertRaises(AccessError):
            self.service.with_user(self.reader).read(["key_hashes"])
        self.service.with_user(self.manager).read(["key_hashes"])

    def test_every_model_has_a_rule_by_company(self):
        for name in OWN:
            domain = [("model_id.model", "=", f"fusion.billing.{name}")]
            rules = self.env["ir.rule"].search(domain)
            self.assertTrue(rules.filtered("global"), name)
            self.assertIn("company_ids", rules[0].domain_force)

    def test_a_salesperson_reads_orders_and_clients_without_what_is_not_theirs(self):
        seller = new_test_user(
            self.env, "seller", groups="sales_team.group_sale_manager"
        )
        for record, hidden in (
            (self.order, "x_fc_usage_ids"),
            (self.client, "x_fc_link_ids"),
        ):
            record = record.with_user(seller)
            names = [n for n in record.fields_get() if n.startswith("x_fc_")]

            (values,) = record.read(names)

            self.assertIn("x_fc_usage_count", values)
            self.assertNotIn(hidden, values)
        self.order.with_user(seller).read()  # all that an integration may ask for

    def test_a_reader_without_accounting_reads_usage_without_its_invoices(self):
        self.upsert(self.rollup())
        usage = self.env["fusion.billing.usage"].search([], limit=1)
        for user in (self.reader, self.manager, self.bridge):
            (values,) = usage.with_user(user).read()

            self.assertEqual(values["quantity"], "1.5")
            self.assertNotIn("line_ids", values)
