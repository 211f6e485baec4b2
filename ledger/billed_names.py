"""What the catalog says of the metrics, subscriptions and customers on invoices.

Odoo's invoices name them by their codes; what the ledger has not got any more, or not
yet, has no more than its code.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from ledger.customers import Customer
from ledger.db import Connection
from ledger.queries import load_queries
from schemas.odoo_invoices import Invoice

_SQL = load_queries("billed_names")


@dataclass(frozen=True)
class BilledMetric:
    """A metric."""

    id: UUID
    name: str


@dataclass(frozen=True)
class BilledSubscription:
    """A subscription, its plan as it is now, and whose it is."""

    id: UUID
    plan_id: UUID
    plan_code: str
    plan_name: str
    customer: str
    customer_id: UUID


@dataclass(frozen=True)
class BilledCharge:
    """The charge for a metric, of the plan that a subscription has now."""

    id: UUID
    display_name: str


@dataclass(frozen=True)
class BilledNames:
    """What is known, by code or external id; charges by subscription and metric."""

    metrics: Mapping[str, BilledMetric]
    subscriptions: Mapping[str, BilledSubscription]
    charges: Mapping[tuple[str, str], BilledCharge]
    customers: Mapping[str, Customer]


def read_names(
    conn: Connection, service_id: int, invoices: Iterable[Invoice]
) -> BilledNames:
    """All that these invoices of the service name, in four statements."""
    invoices = tuple(invoices)
    lines = [line for invoice in invoices for line in invoice.lines]
    values = {
        "service_id": service_id,
        "metrics": sorted({line.metric for line in lines if line.metric}),
        "subscriptions": sorted(
            {line.subscription for line in lines if line.subscription}
        ),
        "customers": sorted({key for invoice in invoices for key in invoice.customers}),
    }
    rows = {name: conn.execute(text, values).fetchall() for name, text in _SQL.items()}
    return BilledNames(
        {row[0]: BilledMetric(*row[1:]) for row in rows["metrics"]},
        {row[0]: BilledSubscription(*row[1:]) for row in rows["subscriptions"]},
        {(row[0], row[1]): BilledCharge(*row[2:]) for row in rows["charges"]},
        {row[2]: Customer(*row) for row in rows["customers"]},
    )
