"""A live service of a company with a chart of accounts."""

from odoo.addons.account.tests.common import AccountTestInvoicingCommon

from .common import Catalog


class InvoicingCase(Catalog, AccountTestInvoicingCommon):
    """Usage in the company's own currency; the product's tax is the chart's."""

    mode = "live"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.company_data["company"]
        cls.currency = cls.company.currency_id.name
        cls.make_bridge()
        cls.bridge.write({"company_ids": cls.company.ids, "company_id": cls.company.id})
        cls.make_catalog()

    @classmethod
    def get_default_groups(cls):
        groups = super().get_default_groups()
        manager = cls.env.ref("fusion_centralize_billing.group_billing_manager")
        return groups | manager | cls.env.ref("sales_team.group_sale_manager")

    def invoice(self, result):
        """The invoice of a result of close_period."""
        return self.env["account.move"].browse(result["id"])
