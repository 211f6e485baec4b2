# What Odoo reads before it loads the addon.

{
    "name": "Fusion Billing on Subscriptions",
    "summary": "Metered usage on a subscription's own recurring invoice",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "author": "NexaSystems",
    "license": "LGPL-3",
    "depends": ["fusion_centralize_billing", "sale_subscription"],
    "auto_install": True,
}
