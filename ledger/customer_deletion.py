"""Deleting a customer: its subscriptions end, and it is gone for its app.

Odoo keeps the client, whose bills it has, and will have of what was used until now.
"""

from dataclasses import replace
from datetime import datetime

from ledger.customers import Customer, find_customer
from ledger.db import Connection
from ledger.holding import CUSTOMER, SUBSCRIPTION, lock_record, lock_records
from ledger.queries import load_queries
from ledger.subscription_ends import end_subscription

_SQL = load_queries("customers")


def delete_customer(
    conn: Connection, service: tuple[int, str], external_id: str, now: datetime
) -> Customer | None:
    """The customer as it was; None: there is none. ``service``: its key and code."""
    lock_record(conn, CUSTOMER, service[1], external_id)
    found = find_customer(conn, service[0], external_id)
    if found is None:
        return None
    key = {"record_id": found.id, "now": now}
    names = [name for (name,) in conn.execute(_SQL["unended_subscriptions"], key)]
    # All of them before the first one's end takes the locks that come after these.
    lock_records(conn, SUBSCRIPTION, service[1], names)
    for name in names:
        end_subscription(conn, service, name, None, now)
    conn.execute(_SQL["delete_customer"], key)
    return replace(found, updated_at=now)
