"""The way to Odoo and back: client, mapping, push, pull."""
