# What Odoo reads before it loads the addon.

{
    "name": "Fusion Billing",
    "summary": "Metered usage from the ledger, on native Odoo invoices",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "author": "NexaSystems",
    "license": "LGPL-3",
    "depends": ["sale_management", "account"],
    "data": [
        "security/groups.xml",
        "security/ir.model.access.csv",
        "security/rules.xml",
        "data/product.xml",
    ],
    "application": True,
}
