"""Invoices that were posted before the addon opened their portal pages get a link."""

from odoo.addons.fusion_centralize_billing.models.queries import load_queries


def migrate(cr, version):
    """Safe to repeat: who has a link keeps it."""
    cr.execute(load_queries("portal")["open_pages"])
