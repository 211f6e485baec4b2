"""The advisory locks of the ledger, which a service's key completes."""

TERMS_LOCK = 0x7465726D
"""Shared by folds, exclusive to who changes the terms of subscriptions ("term")."""

ARCHIVE_LOCK = 0x61726368
"""Exclusive to who archives ("arch"); completed by 0, for all services."""

CLOSE_LOCK = 0x636C6F73
"""Exclusive to who claims bills ("clos"), for one transaction; completed by 0."""

DRIFT_LOCK = 0x64726674
"""Exclusive to who compares with Odoo ("drft"); completed by 0, for all services."""

RECORD_LOCK = 0x72656364
"""Exclusive to who writes a customer or subscription ("recd"); completed by a hash of
its name."""

PULL_LOCK = 0x70756C6C
"""Exclusive to who pulls from Odoo ("pull"); completed by 0, for all services."""
