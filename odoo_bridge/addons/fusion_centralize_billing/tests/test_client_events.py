from odoo.tests import tagged

from .telling import EventCase


@tagged("post_install", "-at_install")
class ClientEventsTest(EventCase):
    def test_a_changed_client_is_told(self):
        self.client.write({"phone": "+1 555", "street": "1 Main St", "vat": "X"})
        self.client.write({"country_id": self.env.ref("base.ca").id})

        ((name, told),) = self.told()
        self.assertEqual(name, "customer.updated")
        self.assertEqual((told["external_id"], told["name"]), ("c1", "Jane"))
        self.assertEqual((told["phone"], told["country"]), ("+1 555", "CA"))
        self.assertEqual(told["address_line1"], "1 Main St")
        self.assertEqual(told["tax_identification_number"], "X")

    def test_each_link_and_service_hears_of_it_but_not_a_shadow(self):
        for code, mode in (("other", "live"), ("dark", "shadow")):
            self.apply("service", {"code": code, "name": code, "mode": mode})
            self.apply("customer", self.customer(service=code, external_id="o1"))
        self.apply("customer", self.customer(external_id="c9"))
        self.taken()

        self.client.name = "Jane Doe"

        self.env.cr.flush()
        found = self.events.search([("state", "=", "pending")])
        told = {
            (e.service_id.code, e.payload["customer"]["external_id"]) for e in found
        }
        self.assertEqual(told, {("nexa", "c1"), ("nexa", "c9"), ("other", "o1")})

    def test_the_same_again_tells_nothing(self):
        self.client.write({"name": "Jane", "email": "jane@customers.test"})
        self.client.comment = "a note"

        self.assertEqual(self.types(), [])

    def test_what_its_app_changed_is_told_by_the_ledger_alone(self):
        row = self.customer(phone="+1 613", revision=1, changed=["phone"])
        self.apply("customer", row)

        self.assertEqual(self.client.phone, "+1 613")
        self.assertEqual(self.types(), [])
        self.client.phone = "+1 416"
        self.assertEqual(self.types(), ["customer.updated"])

    def test_clients_without_links_tell_nothing(self):
        partner = self.env["res.partner"].create({"name": "Nobody"})
        partner.name = "Somebody"

        self.assertEqual(self.types(), [])
