"""The catalog in the ledger: as pulled from Odoo, and as a batch needs it."""

import json
from dataclasses import dataclass, replace
from datetime import datetime

from ledger.db import Connection
from ledger.holding import CUSTOMER, SUBSCRIPTION, unsent_values
from ledger.queries import load_queries
from ledger.refolding import AggregationChange, refold_metric
from ledger.replacing import replace_changed
from ledger.rerating import exclude_folds, rerate_metric, rerate_plan
from ledger.terms import terms_of
from schemas.catalog import DEFAULT_GRACE_HOURS

_SQL = load_queries("catalog")


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
    rounding: str = "none"
    rounding_precision: int = 0


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
    minimum: str = "0"


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
    grace_hours: int = DEFAULT_GRACE_HOURS


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
    """A subscription; ``customer`` and ``plan`` are external codes; instants in UTC.

    ``odoo_id`` is the order's; None: as it is, for a new one none.
    """

    service: str
    external_id: str
    customer: str
    plan: str
    started_at: datetime
    ended_at: datetime | None
    timezone: str
    anchor: str
    odoo_id: int | None


def metric_aggregations(conn: Connection, service_id: int) -> dict[str, str]:
    """Aggregation by metric code, of one service."""
    return dict(
        conn.execute(_SQL["metric_aggregations"], {"service_id": service_id}).fetchall()
    )


def upsert_service(conn: Connection, row: ServiceRow) -> int:
    """Write a service; returns its key. Safe to repeat, as all upserts here are."""
    found = conn.execute(_SQL["upsert_service"], row.__dict__).fetchone()
    return _need_service(conn, row.code) if found is None else int(found[0])


def upsert_metric(conn: Connection, row: MetricRow) -> AggregationChange | None:
    """Write a metric; answers what another aggregation than before has done to usage.

    Its open periods are folded again from their counters, the frozen ones stay. Another
    rounding sends the usage of running periods out again. Raises CatalogRowUnknown when
    its service is not known.
    """
    service_id = _need_service(conn, row.service)
    known = conn.execute(_SQL["metric_terms"], row.__dict__).fetchone()
    before = known[1] if known else row.aggregation
    if before != row.aggregation:
        exclude_folds(conn, service_id)
    conn.execute(_SQL["upsert_metric"], row.__dict__)
    if known and known[2:] != (row.rounding, row.rounding_precision):
        rerate_metric(conn, service_id, known[0])
    if known is None or before == row.aggregation:
        return None
    return refold_metric(conn, known[0], before, row.aggregation)


def upsert_plan(conn: Connection, row: PlanRow) -> None:
    """Write a plan and replace its charges; another interval counts usage again by it.

    Other charges or another currency send the usage of running periods out again.
    Raises CatalogRowUnknown when its service, or a charge's metric, is not known.
    """
    service_id = _need_service(conn, row.service)
    names = {"service": row.service, "plan": row.code}
    known = conn.execute(_SQL["plan_id"], names).fetchone()
    if known is not None and known[2] != row.interval:
        exclude_folds(conn, service_id)  # before the look at what is frozen
    before = terms_of(conn, row.service, plan=row.code)
    written = conn.execute(_SQL["upsert_plan"], {**row.__dict__, "charges": None})
    after = terms_of(conn, row.service, plan=row.code)
    replace_changed(conn, service_id, before, after)
    found = conn.execute(_SQL["plan_id"], names).fetchone()
    assert found is not None  # noqa: S101 - written one statement ago
    changed = _replace_charges(conn, found[0], row)
    if written.rowcount:  # its grace, too
        conn.execute(_SQL["look_at_freezes"], {"plan_id": found[0]})
    if known is not None and (changed or known[1] != found[1]):
        rerate_plan(conn, service_id, found[0])


def _replace_charges(conn: Connection, plan_id: int, row: PlanRow) -> bool:
    """Make the plan's charges the row's; answers whether anything changed."""
    changed = False
    for charge in row.charges:
        values = {**charge.__dict__, "tiers": json.dumps(charge.tiers)}
        found = conn.execute(
            _SQL["upsert_charge"], {**values, "plan_id": plan_id}
        ).fetchone()
        if found is None:
            raise CatalogRowUnknown(
                f"plan {row.code}: metric {charge.metric} is not known"
            )
        changed = changed or bool(found[0])
    metrics = [charge.metric for charge in row.charges]
    removed = conn.execute(
        _SQL["delete_other_charges"], {"plan_id": plan_id, "metrics": metrics}
    )
    return changed or removed.rowcount > 0


def upsert_customer(conn: Connection, row: CustomerRow) -> None:
    """Write a customer, but for what an app changed and Odoo has not taken yet.

    Raises CatalogRowUnknown when its service is not known.
    """
    _need_service(conn, row.service)
    kept = unsent_values(conn, CUSTOMER, row.service, row.external_id)
    conn.execute(_SQL["upsert_customer"], {**row.__dict__, **kept})


def upsert_subscription(conn: Connection, row: SubscriptionRow) -> None:
    """Write a subscription, but for what an app changed and Odoo has not taken yet.

    As ``write_subscription``, and raises the same.
    """
    kept = unsent_values(conn, SUBSCRIPTION, row.service, row.external_id)
    write_subscription(conn, replace(row, **kept))


def write_subscription(conn: Connection, row: SubscriptionRow) -> None:
    """Write a subscription; other terms than before count its usage again by them.

    Another plan begins now and cuts the period; before the subscription's start it
    takes the place of the first. Raises CatalogRowUnknown when its service, customer or
    plan is not known.
    """
    service_id = _need_service(conn, row.service)
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
    conn.execute(_SQL["note_plan"], row.__dict__)
    after = terms_of(conn, row.service, subscription=row.external_id)
    replace_changed(conn, service_id, before, after)


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
