"""The catalog in the ledger: as pulled from Odoo, and as a batch needs it."""

from dataclasses import replace
from datetime import datetime

from ledger.catalog_rows import (
    CatalogRowUnknown,
    ChargeRow,
    CustomerRow,
    MetricRow,
    PlanRow,
    ServiceRow,
    SubscriptionRow,
)
from ledger.db import Connection
from ledger.holding import CUSTOMER, SUBSCRIPTION, unsent_values
from ledger.metrics import upsert_metric
from ledger.plans import upsert_plan
from ledger.queries import load_queries
from ledger.replacing import replace_changed
from ledger.rerating import exclude_folds, rerate_subscription
from ledger.services import need_service
from ledger.terms import terms_of

__all__ = [
    "CatalogRowUnknown",
    "ChargeRow",
    "CustomerRow",
    "MetricRow",
    "PlanRow",
    "ServiceRow",
    "SubscriptionRow",
    "mark_sync_failed",
    "mark_synced",
    "metric_aggregations",
    "upsert_customer",
    "upsert_metric",
    "upsert_plan",
    "upsert_service",
    "upsert_subscription",
    "write_subscription",
]

_SQL = load_queries("catalog")


def metric_aggregations(conn: Connection, service_id: int) -> dict[str, str]:
    """Aggregation by metric code, of one service."""
    return dict(
        conn.execute(_SQL["metric_aggregations"], {"service_id": service_id}).fetchall()
    )


def upsert_service(conn: Connection, row: ServiceRow) -> int:
    """Write a service; returns its key. Safe to repeat, as all upserts here are."""
    found = conn.execute(_SQL["upsert_service"], row.__dict__).fetchone()
    return need_service(conn, row.code) if found is None else int(found[0])


def upsert_customer(conn: Connection, row: CustomerRow) -> None:
    """Write a customer, but for what an app changed and Odoo has not taken yet.

    Raises CatalogRowUnknown when its service is not known.
    """
    need_service(conn, row.service)
    kept = unsent_values(conn, CUSTOMER, row.service, row.external_id)
    conn.execute(_SQL["upsert_customer"], {**row.__dict__, **kept})


def upsert_subscription(conn: Connection, row: SubscriptionRow) -> None:
    """Write a subscription, but for what an app changed and Odoo has not taken yet.

    As ``write_subscription``, and raises the same.
    """
    kept = unsent_values(conn, SUBSCRIPTION, row.service, row.external_id)
    write_subscription(conn, replace(row, **kept))


def write_subscription(
    conn: Connection, row: SubscriptionRow, plan_from: datetime | None = None
) -> None:
    """Write a subscription; other terms than before count its usage again by them.

    Another plan begins now, or at ``plan_from``, and cuts the period; before the
    subscription's start it takes the place of the first. One that was planned for
    later is then forgotten. Raises CatalogRowUnknown when its service, customer or
    plan is not known.
    """
    service_id = need_service(conn, row.service)
    if conn.execute(_SQL["subscription_differs"], row.__dict__).fetchone():
        # Before the row's lock, which a fold may want; and before the look at what is
        # frozen. Most rows are as they were, and hold up no fold.
        exclude_folds(conn, service_id)
    before = terms_of(conn, row.service, subscription=row.external_id)
    found = conn.execute(_SQL["upsert_subscription"], row.__dict__).fetchone()
    if found is None:
        raise CatalogRowUnknown(
            f"subscription {row.external_id}: customer {row.customer}, plan {row.plan} "
            f"or service {row.service} is not known"
        )
    conn.execute(_SQL["forget_plans"], row.__dict__)
    noted = conn.execute(_SQL["note_plan"], {**row.__dict__, "plan_from": plan_from})
    if noted.rowcount:
        conn.execute(_SQL["forget_planned"], row.__dict__)
    after = terms_of(conn, row.service, subscription=row.external_id)
    replace_changed(conn, service_id, before, after)
    if noted.rowcount:
        rerate_subscription(conn, row.service, row.external_id)


def mark_synced(conn: Connection, kind: str, now: datetime) -> None:
    """Note that a kind of record has been pulled."""
    conn.execute(_SQL["mark_synced"], {"kind": kind, "now": now})


def mark_sync_failed(conn: Connection, kind: str, error: str, now: datetime) -> None:
    """Note that a pull failed and why."""
    conn.execute(_SQL["mark_sync_failed"], {"kind": kind, "error": error, "now": now})
