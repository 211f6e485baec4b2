"""Where Odoo has native subscriptions, usage goes on their recurring invoices."""

from . import models
