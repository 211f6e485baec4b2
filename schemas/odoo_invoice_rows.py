"""Invoices as rows of ``export_catalog``: what is absent is False."""

from marshmallow import fields

from schemas.odoo_invoices import InvoiceSchema, LineSchema, TaxSchema
from schemas.odoo_row import OdooRow


class _LineRow(OdooRow, LineSchema):
    pass


class _TaxRow(OdooRow, TaxSchema):
    pass


class InvoiceRow(OdooRow, InvoiceSchema):
    lines = fields.List(fields.Nested(_LineRow), load_default=list)
    taxes = fields.List(fields.Nested(_TaxRow), load_default=list)
