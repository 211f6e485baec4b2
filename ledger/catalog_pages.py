"""The catalog of one service as its apps read it: by page, or one by its code."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID

from ledger.charge_entries import ChargeEntry, read_entry
from ledger.db import Connection
from ledger.queries import load_queries

T = TypeVar("T")

_SQL = load_queries("catalog_pages")


@dataclass(frozen=True)
class MetricEntry:
    """A metric. ``filters``: by key, the values that charges may tell apart."""

    public_id: UUID
    code: str
    name: str
    description: str
    aggregation: str
    field_name: str | None
    rounding: str
    rounding_precision: int
    filters: Mapping[str, tuple[str, ...]]
    created_at: datetime


@dataclass(frozen=True)
class ThresholdEntry:
    """An amount that an app is told of; recurring: again at each further one."""

    id: str
    amount: Decimal
    recurring: bool
    name: str


@dataclass(frozen=True)
class PlanEntry:
    """A plan with its charges; ``price`` in whole units of its currency."""

    public_id: UUID
    code: str
    name: str
    description: str
    interval: str
    currency: str
    price: Decimal
    usage_thresholds: tuple[ThresholdEntry, ...]
    created_at: datetime
    charges: tuple[ChargeEntry, ...]


@dataclass(frozen=True)
class EntryPage(Generic[T]):
    """A page of a list, and how long the whole list is."""

    entries: tuple[T, ...]
    total: int


def metric_page(
    conn: Connection, service_id: int, limit: int, offset: int
) -> EntryPage[MetricEntry]:
    """The service's metrics, the newest first."""
    total = _count(conn, "count_metrics", service_id)
    return EntryPage(_metrics(conn, service_id, None, limit, offset), total)


def find_metric(conn: Connection, service_id: int, code: str) -> MetricEntry | None:
    """The service's metric of that code."""
    return next(iter(_metrics(conn, service_id, code, 1, 0)), None)


def metrics_by_id(
    conn: Connection, service_id: int, ids: Iterable[UUID]
) -> dict[UUID, MetricEntry]:
    """Those of the service's metrics that have these public ids."""
    wanted = {"service_id": service_id, "ids": list(ids)}
    rows = conn.execute(_SQL["metrics_by_id"], wanted)
    return {row[0]: _metric(*row) for row in rows}


def plan_page(
    conn: Connection, service_id: int, limit: int, offset: int
) -> EntryPage[PlanEntry]:
    """The service's plans with their charges, the newest first."""
    total = _count(conn, "count_plans", service_id)
    return EntryPage(_plans(conn, service_id, None, limit, offset), total)


def find_plan(conn: Connection, service_id: int, code: str) -> PlanEntry | None:
    """The service's plan of that code."""
    return next(iter(_plans(conn, service_id, code, 1, 0)), None)


def _count(conn: Connection, query: str, service_id: int) -> int:
    found = conn.execute(_SQL[query], {"service_id": service_id}).fetchone()
    assert found is not None  # noqa: S101 - a count is always a row
    return int(found[0])


def _rows(
    conn: Connection,
    query: str,
    service_id: int,
    code: str | None,
    limit: int,
    offset: int,
) -> list[tuple[Any, ...]]:
    page = {"service_id": service_id, "code": code, "limit": limit, "offset": offset}
    return conn.execute(_SQL[query], page).fetchall()


def _metrics(
    conn: Connection, service_id: int, code: str | None, limit: int, offset: int
) -> tuple[MetricEntry, ...]:
    rows = _rows(conn, "metrics", service_id, code, limit, offset)
    return tuple(_metric(*row) for row in rows)


def _metric(
    public_id: UUID,
    code: str,
    name: str,
    description: str,
    aggregation: str,
    field_name: str | None,
    rounding: str,
    rounding_precision: int,
    filters: Sequence[Mapping[str, Any]],
    created_at: datetime,
) -> MetricEntry:
    return MetricEntry(
        public_id,
        code,
        name,
        description,
        aggregation,
        field_name,
        rounding,
        rounding_precision,
        {each["key"]: tuple(each["values"]) for each in filters},
        created_at,
    )


def _plans(
    conn: Connection, service_id: int, code: str | None, limit: int, offset: int
) -> tuple[PlanEntry, ...]:
    rows = _rows(conn, "plans", service_id, code, limit, offset)
    charges: dict[int, list[ChargeEntry]] = defaultdict(list)
    wanted = {"plan_ids": [row[0] for row in rows]}
    for plan_id, *charge in conn.execute(_SQL["charges"], wanted):
        charges[plan_id].append(read_entry(*charge))
    return tuple(_plan(charges[key], *terms) for key, *terms in rows)


def _plan(
    charges: Sequence[ChargeEntry],
    public_id: UUID,
    code: str,
    name: str,
    description: str,
    interval: str,
    currency: str,
    price: Decimal,
    usage_thresholds: Sequence[Mapping[str, Any]],
    created_at: datetime,
) -> PlanEntry:
    return PlanEntry(
        public_id,
        code,
        name,
        description,
        interval,
        currency,
        price,
        tuple(
            ThresholdEntry(t["id"], Decimal(t["amount"]), t["recurring"], t["name"])
            for t in usage_thresholds
        ),
        created_at,
        tuple(charges),
    )
