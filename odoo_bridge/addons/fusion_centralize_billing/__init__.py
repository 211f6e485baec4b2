"""Fusion Billing inside Odoo 19: the catalog, the usage and the bill."""

from . import models
