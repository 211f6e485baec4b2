from unittest import SkipTest

from odoo.addons.account.tests.common import AccountTestInvoicingCommon
from odoo.tests import tagged

from .invoicing import InvoicingCase

RATES = {"on": "13.00", "qc": "14.98", "ab": "5.00", "ns": "14.00"}


@tagged("post_install", "-at_install")
class HstTest(InvoicingCase):
    """Canadian sales taxes by province; where Odoo's Canadian chart is installed."""

    @classmethod
    @AccountTestInvoicingCommon.setup_country("ca")
    def setUpClass(cls):
        super().setUpClass()
        charts = cls.env["account.chart.template"]._get_chart_template_mapping()
        if "ca_2023" not in charts:
            raise SkipTest("l10n_ca is not installed")

    def tax_of(self, province):
        self.client.write(
            {
                "country_id": self.env.ref("base.ca").id,
                "state_id": self.env.ref(f"base.state_ca_{province}").id,
            }
        )
        self.order._compute_fiscal_position_id()
        self.upsert(self.frozen("100.00"))
        invoice = self.invoice(self.close())
        invoice.button_cancel()
        return f"{invoice.amount_tax:.2f}"

    def test_usage_is_taxed_by_the_clients_province(self):
        self.assertEqual(self.currency, "CAD")
        for province, tax in RATES.items():
            with self.subTest(province=province):
                self.assertEqual(self.tax_of(province), tax)
