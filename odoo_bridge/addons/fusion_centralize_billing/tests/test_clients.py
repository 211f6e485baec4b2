from odoo.tools import mute_logger
from psycopg2 import errors

from .common import BillingCase


class ClientsTest(BillingCase):
    def client_of(self, external_id):
        links = self.service.link_ids.filtered(lambda k: k.external_id == external_id)
        return links.partner_id

    def test_a_client_is_found_by_address_whatever_its_case(self):
        values = {"name": "Known", "email": '"K" <KNOWN@Customers.test>'}
        known = self.env["res.partner"].create(values)

        row = self.customer(external_id="c2", email="known@customers.test")
        self.assertStatuses(self.apply("customer", row, row), "created", "unchanged")

        self.assertEqual(self.client_of("c2"), known)
        self.assertEqual(known.name, "Known")

    def test_no_sign_of_an_address_is_a_wildcard(self):
        for other, own in (("johnxdoe", "john_doe"), ("j100doe", "j%doe")):
            self.apply(
                "customer",
                self.customer(external_id=other, email=f"{other}@customers.test"),
                self.customer(external_id=own, email=f"{own}@customers.test"),
            )
            self.assertNotEqual(self.client_of(other), self.client_of(own))

    def test_an_archived_client_is_not_matched(self):
        values = {"name": "Gone", "email": "gone@customers.test", "active": False}
        gone = self.env["res.partner"].create(values)

        row = self.customer(external_id="c2", email="gone@customers.test")
        self.assertStatuses(self.apply("customer", row), "created")

        self.assertNotEqual(self.client_of("c2"), gone)

    def test_a_client_of_another_company_is_not_matched(self):
        company = self.env["res.company"].create({"name": "Other"})
        values = {"name": "Theirs", "email": "t@customers.test"}
        theirs = self.env["res.partner"].create({**values, "company_id": company.id})

        self.apply("customer", self.customer(external_id="c2", email=values["email"]))

        self.assertNotEqual(self.client_of("c2"), theirs)

    def test_customers_without_an_address_are_clients_of_their_own(self):
        rows = [self.customer(external_id=key, email=False) for key in ("n1", "n2")]
        self.apply("customer", *rows)

        self.assertNotEqual(self.client_of("n1"), self.client_of("n2"))

    def test_a_client_that_only_the_catalog_knows_follows_it(self):
        changed = self.customer(name="Jane Doe", email="doe@customers.test")

        self.assertStatuses(self.apply("customer", changed), "updated")
        self.assertEqual(self.client.name, "Jane Doe")
        self.assertEqual(self.client.email_normalized, "doe@customers.test")

    def test_a_client_with_two_links_stays_as_it_is(self):
        self.apply("customer", self.customer(external_id="c2"))

        results = self.apply("customer", self.customer(name="Another"))

        self.assertStatuses(results, "unchanged")
        self.assertEqual(self.client.name, "Jane")

    def test_the_database_holds_one_catalog_client_per_address(self):
        values = {"name": "Twin", "email": "JANE@customers.test"}
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(errors.UniqueViolation),
            self.env.cr.savepoint(),
        ):
            self.env["res.partner"].create({**values, "x_fc_from_catalog": True})
            self.env.flush_all()

    def test_a_client_is_made_without_followers_or_messages(self):
        outgoing = self.env["mail.mail"].search_count([])
        self.apply("customer", self.customer(external_id="c9", email="c9@c.test"))

        self.assertFalse(self.client_of("c9").message_follower_ids)
        self.assertEqual(self.env["mail.mail"].search_count([]), outgoing)
