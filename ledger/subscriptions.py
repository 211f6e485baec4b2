"""Subscriptions as apps see them: found by external id, and listed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from ledger.db import Connection
from ledger.periods import Terms
from ledger.queries import load_queries
from ledger.terms import read_terms

PENDING: Final = "pending"
ACTIVE: Final = "active"
TERMINATED: Final = "terminated"
CANCELED: Final = "canceled"

_SQL = load_queries("subscriptions")


@dataclass(frozen=True)
class Subscription:
    """A subscription with its customer's names, and its plans' codes.

    ``price`` is the plan's, of a ``plan_interval`` in its currency. ``next_plan`` takes
    its place at ``next_plan_at``.
    """

    id: int
    public_id: UUID
    external_id: str
    name: str
    customer_id: UUID
    customer: str
    plan: str
    price: Decimal
    currency: str
    plan_interval: str
    previous_plan: str | None
    next_plan: str | None
    next_plan_at: datetime | None
    created_at: datetime
    canceled_at: datetime | None
    status: str
    terms: Terms


@dataclass(frozen=True)
class Wanted:
    """Which subscriptions to list; None: whichever."""

    customer: str | None
    plan: str | None
    statuses: Sequence[str]


def find_subscription(
    conn: Connection, service_id: int, external_id: str, now: datetime
) -> Subscription | None:
    """The service's subscription of that name, whatever its status."""
    key = {"service_id": service_id, "external_id": external_id, "now": now}
    found = conn.execute(_SQL["subscription"], key).fetchone()
    return None if found is None else _read(found)


def list_subscriptions(
    conn: Connection,
    service_id: int,
    wanted: Wanted,
    limit: int,
    offset: int,
    now: datetime,
) -> tuple[list[Subscription], int]:
    """A page of the service's subscriptions, the newest first, and how many there are.

    ``now``: by which their status is told.
    """
    values = {
        "service_id": service_id,
        "customer": wanted.customer,
        "plan": wanted.plan,
        "statuses": list(wanted.statuses),
        "now": now,
    }
    counted = conn.execute(_SQL["count_subscriptions"], values).fetchone()
    page = {"limit": limit, "offset": offset}
    rows = conn.execute(_SQL["subscriptions"], {**values, **page})
    return [_read(row) for row in rows], 0 if counted is None else counted[0]


def _read(row: Sequence[Any]) -> Subscription:
    values = (*row[:16], read_terms(*row[16:]))
    return Subscription(*values)
