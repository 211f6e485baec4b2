import ast

from lxml import etree
from odoo.tests import new_test_user

from .common import BillingCase
from .test_rights import OWN

USER = "fusion_centralize_billing.group_billing_user"


class ViewsTest(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reader = new_test_user(cls.env, "viewer", groups=USER)
        cls.usage.upsert_rollups([cls.rollup()])

    def test_every_model_has_views_that_a_reader_can_open(self):
        for name in OWN:
            kinds = ["list", "form", "search"]
            if name == "usage.report":
                kinds = ["graph", "pivot", "search"]
            model = self.env[f"fusion.billing.{name}"].with_user(self.reader)
            views = model.get_views([(False, kind) for kind in kinds])["views"]
            for kind in kinds:
                domain = [("model", "=", model._name), ("type", "=", kind)]
                self.assertTrue(self.env["ir.ui.view"].search_count(domain), domain)
                self.assertIn(kind, views)

    def test_a_reader_has_the_menu_and_others_have_not(self):
        menu = self.env.ref("fusion_centralize_billing.menu_billing")
        stranger = new_test_user(self.env, "other", groups="base.group_user")

        def visible(user):
            return menu.id in self.env["ir.ui.menu"].with_user(user)._visible_menu_ids()

        self.assertTrue(visible(self.reader))
        self.assertFalse(visible(stranger))

    def test_usage_is_one_button_away_from_client_and_order(self):
        (row,) = self.env["fusion.billing.usage"].search(
            [("service_id", "=", self.service.id)]
        )
        for record in (self.client, self.order):
            self.assertEqual(record.x_fc_usage_count, 1)
            action = record.action_x_fc_usage()
            found = self.env[action["res_model"]].search(action["domain"])
            self.assertEqual(found, row)

    def test_filters_and_groups_of_every_search_view_work(self):
        for user in (self.reader, self.env.user):
            for name in OWN:
                self.search(self.env[f"fusion.billing.{name}"].with_user(user))

    def search(self, model):
        """Search and group by all that the model's search view offers the user."""
        arch = etree.fromstring(model.get_view(view_type="search")["arch"])
        for node in arch.iter("filter"):
            if node.get("domain"):
                model.search_count(ast.literal_eval(node.get("domain")))
            for group in ast.literal_eval(node.get("context") or "{}").values():
                model.formatted_read_group([], [group], ["__count"])

    def test_a_reader_can_open_what_the_lists_and_forms_show(self):
        self.env["fusion.billing.webhook"].create(
            {"service_id": self.service.id, "key": "k", "event": "invoice.paid"}
        )
        self.env["fusion.billing.reconciliation"].create(
            {"service_id": self.service.id, "kind": "usage", "subject": "s1"}
        )
        for name in (*(n for n in OWN if n != "usage.report"), "sale.order"):
            own = name == "sale.order"
            model = self.env[name if own else f"fusion.billing.{name}"]
            kinds = {"list": False, "form": False}
            if own:
                kinds = {kind: self.subscription_view(kind) for kind in kinds}
            for kind, view in kinds.items():
                with self.subTest(model=name, kind=kind):
                    self.open(model.with_user(self.reader), kind, view)

    def subscription_view(self, kind):
        return self.env.ref(f"fusion_centralize_billing.view_subscription_{kind}").id

    def open(self, model, kind, view):
        """Read the first record as the web client does, by the view's fields."""
        arch = etree.fromstring(model.get_view(view, kind)["arch"])
        names = {node.get("name") for node in arch.iter("field")} & set(model._fields)
        fields = {name: {} for name in names}
        for name in names:
            if model._fields[name].relational:
                fields[name] = {"fields": {"display_name": {}}}
        found = model.web_search_read([], fields, limit=1)
        self.assertEqual(found["length"] > 0, True)
