from datetime import timedelta

from odoo.fields import Datetime
from odoo.tests import TransactionCase, new_test_user

from .common import BRIDGE

CALLED = (
    ("fusion.billing.service", "apply_catalog"),
    ("fusion.billing.service", "bridge_check"),
    ("fusion.billing.usage", "upsert_rollups"),
)


class BridgeCheckTest(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bridge = new_test_user(cls.env, "billing-bridge", groups=BRIDGE)
        cls.services = cls.env["fusion.billing.service"].with_user(cls.bridge)

    def make_key(self, user, days=None):
        expires_at = days and Datetime.now() + timedelta(days=days)
        keys = self.env["res.users.apikeys"].with_user(user).sudo()
        return keys._generate(None, "a key", expires_at)

    def test_it_says_which_odoo_addon_user_and_company(self):
        answer = self.services.bridge_check(methods=CALLED)
        self.assertEqual(answer["odoo"], "19.0")
        self.assertIn(answer["edition"], ("Community", "Enterprise"))
        self.assertTrue(answer["addon"]["code"].startswith("19.0."))
        self.assertEqual(answer["user"], "billing-bridge")
        self.assertEqual(answer["company"], self.env.company.name)
        self.assertEqual((answer["missing_groups"], answer["missing_rights"]), ([], []))
        self.assertEqual(answer["missing_methods"], [])
        self.assertIn("sale_subscription", answer["modules"])

    def test_methods_that_are_not_there_are_named(self):
        wanted = [
            ("fusion.billing.usage", "no_such"),
            ("no.such.model", "read"),
            ("fusion.billing.service", "_find"),
            ("fusion.billing.service", "_name"),
        ]
        missing = self.services.bridge_check(methods=wanted)["missing_methods"]
        self.assertEqual(missing, [f"{model}.{method}" for model, method in wanted])

    def test_a_right_that_was_taken_away_is_named(self):
        access = self.env.ref("fusion_centralize_billing.access_usage_bridge")
        access.perm_write = False
        missing = self.services.bridge_check()["missing_rights"]
        self.assertEqual(missing, ["write on fusion.billing.usage"])

    def test_the_callers_key_says_when_it_expires(self):
        key = self.make_key(self.bridge, days=10)
        self.make_key(self.bridge, days=2)
        expires_at = Datetime.now() + timedelta(days=10)
        found = self.services.bridge_check(key_start=key[:8])["key"]
        self.assertEqual(found["known"], True)
        self.assertEqual(found["expires_at"][:10], str(expires_at.date()))

    def test_a_key_may_have_no_end(self):
        admin = self.env.ref("base.user_admin")
        key = self.make_key(admin)
        found = self.services.with_user(admin).bridge_check(key_start=key[:8])["key"]
        self.assertEqual(found, {"known": True, "expires_at": False})

    def test_of_other_users_keys_it_says_nothing(self):
        key = self.make_key(self.env.ref("base.user_admin"))
        for start in (key[:8], key[:4], "", "%", key):
            found = self.services.bridge_check(key_start=start)["key"]
            self.assertEqual(found, {"known": False, "expires_at": False})

    def test_no_hash_and_no_key_is_in_the_answer(self):
        key = self.make_key(self.bridge, days=10)
        self.env.cr.execute(
            "SELECT key FROM res_users_apikeys WHERE user_id = %s", [self.bridge.id]
        )
        (hashed,) = self.env.cr.fetchone()
        shown = str(self.services.bridge_check(key_start=key[:8]))
        for secret in (key, key[:8], hashed, hashed[-20:]):
            self.assertNotIn(secret, shown)

    def test_a_stranger_learns_which_group_is_missing_and_nothing_else(self):
        for groups in ("base.group_user", "base.group_portal"):
            name = groups.replace(".", "-")
            user = new_test_user(self.env, name, groups=groups)
            answer = self.services.with_user(user).bridge_check(methods=CALLED)
            self.assertEqual(answer, {"missing_groups": ["Billing Bridge"]})

    def test_a_manager_may_ask_too(self):
        group = "fusion_centralize_billing.group_billing_manager"
        user = new_test_user(self.env, "manager", groups=group)
        answer = self.services.with_user(user).bridge_check()
        self.assertEqual(answer["missing_groups"], [])
        self.assertEqual(answer["missing_rights"], [])
