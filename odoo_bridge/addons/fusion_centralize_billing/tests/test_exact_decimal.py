from decimal import Decimal

from odoo.exceptions import ValidationError

from .common import BillingCase

FIFTY_DIGITS = "123456789012345678901234567890.12345678901234567890"


class ExactDecimalTest(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.plans = cls.env["fusion.billing.plan"]

    def make(self, code, price):
        values = {"service_id": self.service.id, "plan_code": code, "name": code}
        values |= {"interval": "monthly", "currency": "CAD", "price": price}
        return self.plans.create(values)

    def test_every_digit_survives_the_database(self):
        plan = self.make("digits", FIFTY_DIGITS)
        plan.flush_recordset()
        plan.invalidate_recordset()

        self.assertEqual(plan.price, Decimal(FIFTY_DIGITS))
        self.assertEqual(plan.read(["price"])[0]["price"], FIFTY_DIGITS)

    def test_trailing_zeros_are_kept_before_and_after_the_database(self):
        plan = self.make("zeros", "4.990")
        self.assertEqual(plan.read(["price"])[0]["price"], "4.990")
        plan.flush_recordset()
        plan.invalidate_recordset()

        self.assertEqual(plan.read(["price"])[0]["price"], "4.990")

    def test_none_is_not_zero(self):
        (charge,) = self.service.plan_ids.charge_ids
        self.assertIs(charge.minimum, False)
        charge.minimum = "0"
        charge.flush_recordset()
        charge.invalidate_recordset()

        self.assertEqual(charge.minimum, Decimal(0))
        self.assertIsNot(charge.minimum, False)

    def test_numbers_are_ordered_as_numbers(self):
        made = [self.make(f"o{n}", price) for n, price in enumerate(("9", "-1", "10"))]
        domain = [("id", "in", [plan.id for plan in made])]

        found = self.plans.search(domain, order="price desc")
        self.assertEqual([str(plan.price) for plan in found], ["10", "9", "-1"])

    def test_numbers_are_compared_as_numbers(self):
        made = [self.make(f"c{n}", price) for n, price in enumerate(("9", "10.0"))]
        domain = [("id", "in", [plan.id for plan in made])]

        def found(operator, value):
            plans = self.plans.search([*domain, ("price", operator, value)])
            return [str(plan.price) for plan in plans]

        self.assertEqual(found(">", "9.5"), ["10.0"])
        self.assertEqual(found("<=", 9), ["9"])
        self.assertEqual(found("=", "10"), ["10.0"])
        self.assertEqual(found("in", ["9.00", "3"]), ["9"])
        self.assertEqual(found("!=", "10"), ["9"])
        self.assertEqual(found("like", "10."), ["10.0"])

    def test_what_is_absent_is_found_as_false(self):
        charges = self.service.plan_ids.charge_ids

        def count(operator):
            domain = [("id", "in", charges.ids), ("minimum", operator, False)]
            return charges.search_count(domain)

        self.assertEqual((count("="), count("!=")), (1, 0))

    def test_what_is_no_exact_number_is_refused(self):
        for bad in ("NaN", "Infinity", "1e400", 1.5, "1,5", True, " 1"):
            with self.subTest(bad=bad), self.assertRaises(ValidationError):
                self.make("bad", bad)

    def test_minus_zero_is_zero(self):
        self.assertEqual(str(self.make("zero", "-0.00").price), "0.00")
