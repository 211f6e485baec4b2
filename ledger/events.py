"""Counters read back as Lago's events: those in the books, and those that are parked.

What was rejected, or was a conflict, is none; what was taken back is none any more.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import psycopg

from ledger.db import Connection
from ledger.queries import load_queries

_SQL = load_queries("events")


class EventsTooMany(RuntimeError):
    """There are so many that they cannot be listed in time."""


@dataclass(frozen=True)
class Event:
    """A counter as its app knows it. ``properties``: the text of an object, if it had
    any. The subscription is None while it is not known."""

    transaction_id: str
    external_subscription_id: str
    code: str
    occurred_at: datetime
    properties: str | None
    subscription_id: UUID | None = None
    customer_id: UUID | None = None
    received_at: datetime | None = None


@dataclass(frozen=True)
class EventFilter:
    """Which events; None: any. Both instants belong to them."""

    external_subscription_id: str | None = None
    code: str | None = None
    first_at: datetime | None = None
    last_at: datetime | None = None


def find_event(
    conn: Connection, service_id: int, transaction_id: str, wanted: EventFilter
) -> Event | None:
    """The service's last event of that id.

    A counter that was pushed without properties is found with its subscription only:
    to look for it in all would take long.
    """
    named = {"service_id": service_id, "transaction_id": transaction_id}
    query = "find_event" if wanted.external_subscription_id is None else "find_counter"
    row = conn.execute(_SQL[query], {**wanted.__dict__, **named}).fetchone()
    return None if row is None else Event(*row)


def list_events(
    conn: Connection, service_id: int, wanted: EventFilter, limit: int, offset: int
) -> tuple[list[Event], int]:
    """A page, the newest first, and how many there are. Raises EventsTooMany."""
    values = {**wanted.__dict__, "service_id": service_id}
    conn.execute(_SQL["limit_time"])
    try:
        row = conn.execute(_SQL["count_events"], values).fetchone()
        assert row is not None  # noqa: S101 - an aggregate answers one row
        if row[0] <= offset:
            return [], row[0]
        page = {**values, "limit": limit, "offset": offset}
        rows = conn.execute(_SQL["list_events"], page).fetchall()
    except psycopg.errors.QueryCanceled as error:
        raise EventsTooMany from error
    return [Event(*found) for found in rows], row[0]
