"""Reading rollups."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ledger.db import Connection
from ledger.queries import load_queries

_SQL = load_queries("rollups")


@dataclass(frozen=True)
class Rollup:
    """What one metric of one subscription has come to in one period."""

    subscription: str
    metric: str
    period_start: datetime
    period_end: datetime
    quantity: Decimal
    counters: int
    revision: int
    pushed_revision: int


def rollups_of_service(conn: Connection, service_id: int) -> list[Rollup]:
    """All rollups of a service, by subscription, metric and period."""
    rows = conn.execute(_SQL["rollups_of_service"], {"service_id": service_id})
    return [Rollup(*row) for row in rows]
