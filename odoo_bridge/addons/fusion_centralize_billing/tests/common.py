"""A service with a catalog, and the bridge's user, who has no other group."""

from odoo.tests import TransactionCase, new_test_user

BRIDGE = "fusion_centralize_billing.group_billing_bridge"
START, END = "2026-02-01 05:00:00", "2026-03-01 05:00:00"
JANUARY = "2026-01-01 05:00:00"


class Catalog:
    """What the bridge sends: one service "nexa" with metric, plan, client and order."""

    code = "nexa"
    mode = "shadow"
    currency = "CAD"

    @classmethod
    def make_bridge(cls):
        cls.bridge = new_test_user(cls.env, "billing-bridge", groups=BRIDGE)
        cls.services = cls.env["fusion.billing.service"].with_user(cls.bridge)
        cls.usage = cls.env["fusion.billing.usage"].with_user(cls.bridge)

    @classmethod
    def make_catalog(cls):
        for kind, row in (
            ("service", {"code": cls.code, "name": "Nexa", "mode": cls.mode}),
            ("metric", cls.metric()),
            ("plan", cls.plan()),
            ("customer", cls.customer()),
            ("subscription", cls.subscription()),
        ):
            (result,) = cls.services.apply_catalog(kind, [row])
            assert result["status"] == "created", result
        cls.service = cls.env["fusion.billing.service"].search(
            [("code", "=", cls.code)]
        )
        cls.order = cls.order_of("s1")
        cls.client = cls.order.partner_id

    @classmethod
    def order_of(cls, external_id):
        domain = [("x_fc_service_id", "=", cls.service.id)]
        domain.append(("x_fc_external_id", "=", external_id))
        return cls.env["sale.order"].search(domain)

    @classmethod
    def metric(cls, **more):
        row = {"service": cls.code, "code": "cpu", "name": "CPU seconds", "unit": "s"}
        return {**row, "aggregation": "sum", "rounding": "none", **more}

    @classmethod
    def charge(cls, **more):
        row = {"metric": "cpu", "model": "package", "included": "36000"}
        return {**row, "price": "0.0075", "package_size": "3600", **more}

    @classmethod
    def plan(cls, **more):
        row = {"service": cls.code, "code": "basic", "name": "Basic", "price": "12.50"}
        row |= {"interval": "monthly", "currency": cls.currency}
        return {**row, "charges": [cls.charge()], **more}

    @classmethod
    def customer(cls, **more):
        row = {"service": cls.code, "external_id": "c1", "name": "Jane"}
        return {**row, "email": "jane@customers.test", **more}

    @classmethod
    def subscription(cls, **more):
        row = {"service": cls.code, "external_id": "s1", "customer": "c1"}
        row |= {"plan": "basic", "started_at": "2026-01-01 05:00:00"}
        return {**row, "timezone": "America/Toronto", "anchor": "calendar", **more}

    @classmethod
    def rollup(cls, **more):
        row = {"service": cls.code, "subscription": "s1", "metric": "cpu"}
        row |= {"period_start": START, "period_end": END, "quantity": "1.5"}
        row |= {"currency": cls.currency, "revision": 1, "state": "open"}
        return {**row, **more}

    @classmethod
    def frozen(cls, amount, **more):
        """A frozen row of usage that costs something."""
        row = {"quantity": "37000", "included": "36000", "overage": "1000"}
        return cls.rollup(**row, amount=amount, state="frozen", **more)

    def apply(self, kind, *rows):
        return self.services.apply_catalog(kind, list(rows))

    def upsert(self, *rows):
        return self.usage.upsert_rollups(list(rows))

    def close(self, **more):
        """close_period of the client's February; the row's one result."""
        row = {"service": self.code, "customer": "c1"}
        row |= {"period_start": START, "period_end": END, **more}
        (result,) = self.usage.close_period([row])
        return result

    def assertStatuses(self, results, *wanted):
        self.assertEqual(tuple(result["status"] for result in results), wanted, results)


class BillingCase(Catalog, TransactionCase):
    """A shadow service in the main company."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_bridge()
        cls.make_catalog()
