from odoo.tests import tagged

from .common import BillingCase
from .invoicing import InvoicingCase


class ChangesTest(BillingCase):
    def app_customer(self, **more):
        row = self.customer(external_id="n1", email="n1@customers.test")
        return {**row, "revision": 1, "changed": ["name"], **more}

    def client_of(self, external_id):
        links = self.service.link_ids.filtered(lambda k: k.external_id == external_id)
        return links.partner_id

    def test_a_new_client_has_its_place(self):
        row = self.app_customer(country="ca", state="Ontario", legal_name="Jane Inc.")
        self.assertStatuses(self.apply("customer", row), "created")

        client = self.client_of("n1")
        self.assertEqual(client.state_id, self.env.ref("base.state_ca_on"))
        self.assertEqual(client.company_name, "Jane Inc.")

    def test_a_state_is_passed_over_where_a_country_has_none(self):
        country = self.env.ref("base.lu")
        country.state_ids.unlink()
        row = self.app_customer(country="LU", state="Anywhere")

        self.assertStatuses(self.apply("customer", row), "created")
        self.assertEqual(self.client_of("n1").country_id, country)

    def test_a_language_that_is_not_installed_is_left_out(self):
        row = self.app_customer(lang="tlh")

        self.assertStatuses(self.apply("customer", row), "created")
        self.assertTrue(self.client_of("n1").lang)

    def test_a_client_of_two_services_stays_as_it_is(self):
        self.apply("customer", self.app_customer())
        twin = self.app_customer(external_id="n2", phone="1", changed=["phone"])
        self.apply("customer", twin)

        row = self.app_customer(phone="2", revision=2, changed=["phone"])
        self.assertStatuses(self.apply("customer", row), "unchanged")

        self.assertFalse(self.client_of("n1").phone)
        self.assertEqual(
            set(self.service.link_ids.filtered("revision").mapped("revision")), {1, 2}
        )

    def test_an_older_change_is_stale(self):
        self.apply("customer", self.app_customer(revision=5))

        (result,) = self.apply("customer", self.app_customer(name="Old", revision=4))

        self.assertEqual((result["status"], result["revision"]), ("stale", 5))
        self.assertEqual(self.client_of("n1").name, "Jane")

    def test_a_subscription_in_shadow_stays_a_quotation(self):
        row = self.subscription(external_id="s2", revision=1, changed=["plan"])
        self.apply("subscription", row)

        self.assertEqual(self.order_of("s2").state, "draft")


@tagged("post_install", "-at_install")
class LiveChangesTest(InvoicingCase):
    def test_a_subscription_of_an_app_is_confirmed_and_nobody_is_told(self):
        outgoing = self.env["mail.mail"].search_count([])
        row = self.subscription(external_id="s2", revision=1, changed=["plan"])

        self.assertStatuses(self.apply("subscription", row), "created")

        order = self.order_of("s2")
        self.assertEqual(order.state, "sale")
        self.assertFalse(order.invoice_ids)
        self.assertFalse(order.message_follower_ids)
        self.assertEqual(self.env["mail.mail"].search_count([]), outgoing)

    def test_a_subscription_of_a_file_stays_a_quotation(self):
        self.apply("subscription", self.subscription(external_id="s2"))

        self.assertEqual(self.order_of("s2").state, "draft")

    def test_an_app_s_later_change_confirms_nothing(self):
        self.apply("subscription", self.subscription(external_id="s2"))
        row = self.subscription(external_id="s2", anchor="anniversary", revision=1)

        self.assertStatuses(self.apply("subscription", row), "updated")
        self.assertEqual(self.order_of("s2").state, "draft")
