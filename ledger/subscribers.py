"""A customer's subscription, by the names that its service gave both."""

from ledger.db import Connection
from ledger.periods import Terms
from ledger.queries import load_queries
from ledger.terms import read_terms

_SQL = load_queries("subscribers")


class CustomerUnknown(LookupError):
    """The service has no such customer."""


class SubscriptionUnknown(LookupError):
    """The customer has no such subscription."""


def find_subscription(
    conn: Connection,
    service_id: int,
    customer_external_id: str,
    subscription_external_id: str,
) -> tuple[int, Terms]:
    """Its key in the ledger, and what decides its periods.

    Raises CustomerUnknown or SubscriptionUnknown.
    """
    customer = conn.execute(
        _SQL["customer"],
        {"service_id": service_id, "external_id": customer_external_id},
    ).fetchone()
    if customer is None:
        raise CustomerUnknown(customer_external_id)
    row = conn.execute(
        _SQL["subscription"],
        {
            "service_id": service_id,
            "customer_id": customer[0],
            "external_id": subscription_external_id,
        },
    ).fetchone()
    if row is None:
        raise SubscriptionUnknown(subscription_external_id)
    return row[0], read_terms(*row[1:])
