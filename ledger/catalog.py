"""The catalog in the ledger: as pulled from Odoo, and as a batch needs it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ledger.db import Connection
from ledger.periods import Terms
from ledger.place import Catalog, Metric, Subscription
from ledger.queries import load_queries
from ledger.replacing import replace_changed, terms_of

_SQL = load_queries("catalog")
_FOLD_SQL = load_queries("fold")


class CatalogRowUnknown(LookupError):
    """A row names a service, plan, metric or customer that the ledger does not have."""


@dataclass(frozen=True)
class ServiceRow:
    """A service as Odoo has it."""

    code: str
    name: str
    mode: str
    odoo_id: int


@dataclass(frozen=True)
class MetricRow:
    """A metric as Odoo has it; ``service`` is the service's code."""

    service: str
    code: str
    name: str
    aggregation: str
    unit: str
    odoo_id: int


@dataclass(frozen=True)
class ChargeRow:
    """One charge of a plan. Numbers are decimal strings; tiers are plain JSON values
    ``{"up_to": str | None, "unit_price": str, "flat_price": str}``."""

    metric: str
    model: str
    included: str
    price: str
    package_size: str | None
    tiers: tuple[dict[str, str | None], ...]


@dataclass(frozen=True)
class PlanRow:
    """A plan with its charges. ``price``: a decimal string, per interval."""

    service: str
    code: str
    name: str
    interval: str
    currency: str
    price: str
    charges: tuple[ChargeRow, ...]
    odoo_id: int


@dataclass(frozen=True)
class CustomerRow:
    """A customer; ``odoo_id`` is the account link's."""

    service: str
    external_id: str
    name: str
    email: str | None
    odoo_id: int


@dataclass(frozen=True)
class SubscriptionRow:
    """A subscription; ``customer`` and ``plan`` are external codes; instants in UTC."""

    service: str
    external_id: str
    customer: str
    plan: str
    started_at: datetime
    ended_at: datetime | None
    timezone: str
    anchor: str
    odoo_id: int


def load_catalog(
    conn: Connection,
    service_id: int,
    external_ids: Iterable[str],
    codes: Iterable[str],
) -> Catalog:
    """What the ledger knows of the named subscriptions and metrics of one service."""
    subscriptions = conn.execute(
        _FOLD_SQL["known_subscriptions"],
        {"service_id": service_id, "external_ids": list(external_ids)},
    )
    metrics = conn.execute(
        _FOLD_SQL["known_metrics"], {"service_id": service_id, "codes": list(codes)}
    )
    return Catalog(
        subscriptions={
            external_id: Subscription(key, Terms(*terms))
            for external_id, key, *terms in subscriptions
        },
        metrics={code: Metric(key, aggregation) for code, key, aggregation in metrics},
    )


def metric_aggregations(conn: Connection, service_id: int) -> dict[str, str]:
    """Aggregation by metric code, of one service."""
    return dict(
        conn.execute(_SQL["metric_aggregations"], {"service_id": service_id}).fetchall()
    )


def upsert_service(conn: Connection, row: ServiceRow) -> int:
    """Write a service; returns its key. Safe to repeat, as all upserts here are."""
    found = conn.execute(_SQL["upsert_service"], row.__dict__).fetchone()
    assert found is not None  # noqa: S101 - an upsert with RETURNING answers one row
    return int(found[0])


def upsert_metric(conn: Connection, row: MetricRow) -> None:
    """Write a metric. Raises CatalogRowUnknown when its service is not known."""
    _need_service(conn, row.service)
    conn.execute(_SQL["upsert_metric"], row.__dict__)


def upsert_plan(conn: Connection, row: PlanRow) -> None:
    """Write a plan and replace its charges; another interval counts usage again by it.

    Raises CatalogRowUnknown when its service, or a charge's metric, is not known.
    """
    service_id = _need_service(conn, row.service)
    before = terms_of(conn, row.service, plan=row.code)
    conn.execute(_SQL["upsert_plan"], {**row.__dict__, "charges": None})
    after = terms_of(conn, row.service, plan=row.code)
    replace_changed(conn, service_id, before, after)
    found = conn.execute(
        _SQL["plan_id"], {"service": row.service, "plan": row.code}
    ).fetchone()
    assert found is not None  # noqa: S101 - written one statement ago
    plan_id = found[0]
    for charge in row.charges:
        values = {**charge.__dict__, "tiers": json.dumps(charge.tiers)}
        written = conn.execute(_SQL["upsert_charge"], {**values, "plan_id": plan_id})
        if not written.rowcount:
            raise CatalogRowUnknown(
                f"plan {row.code}: metric {charge.metric} is not known"
            )
    metrics = [charge.metric for charge in row.charges]
    conn.execute(_SQL["delete_other_charges"], {"plan_id": plan_id, "metrics": metrics})


def upsert_customer(conn: Connection, row: CustomerRow) -> None:
    """Write a customer. Raises CatalogRowUnknown when its service is not known."""
    _need_service(conn, row.service)
    conn.execute(_SQL["upsert_customer"], row.__dict__)


def upsert_subscription(conn: Connection, row: SubscriptionRow) -> None:
    """Write a subscription; other terms than before count its usage again by them.

    Raises CatalogRowUnknown when its service, customer or plan is not known.
    """
    service_id = _need_service(conn, row.service)
    before = terms_of(conn, row.service, subscription=row.external_id)
    conn.execute(_SQL["upsert_subscription"], row.__dict__)
    after = terms_of(conn, row.service, subscription=row.external_id)
    replace_changed(conn, service_id, before, after)
    if not conn.execute(_SQL["subscription_exists"], row.__dict__).fetchone():
        raise CatalogRowUnknown(
            f"subscription {row.external_id}: customer {row.customer}, plan {row.plan} "
            f"or service {row.service} is not known"
        )


def mark_synced(conn: Connection, kind: str, now: datetime) -> None:
    """Note that a kind of record has been pulled."""
    conn.execute(_SQL["mark_synced"], {"kind": kind, "now": now})


def mark_sync_failed(conn: Connection, kind: str, error: str, now: datetime) -> None:
    """Note that a pull failed and why."""
    conn.execute(_SQL["mark_sync_failed"], {"kind": kind, "error": error, "now": now})


def _need_service(conn: Connection, code: str) -> int:
    found = conn.execute(_SQL["service_id"], {"code": code}).fetchone()
    if found is None:
        raise CatalogRowUnknown(f"service {code} is not known")
    return int(found[0])
