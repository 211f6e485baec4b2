"""Customers as apps see them: found by external id, listed, and gone when deleted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger.db import Connection
from ledger.queries import load_queries

_SQL = load_queries("customers")


@dataclass(frozen=True)
class Customer:
    """A customer. ``contact``: see ledger/local_changes.py; ``profile``: what Odoo has
    no field for, by Lago's names."""

    id: int
    public_id: UUID
    external_id: str
    name: str
    email: str | None
    contact: Mapping[str, str]
    profile: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime


def find_customer(
    conn: Connection, service_id: int, external_id: str
) -> Customer | None:
    """The service's customer of that name; None: there is none, or it is deleted."""
    key = {"service_id": service_id, "external_id": external_id}
    found = conn.execute(_SQL["customer"], key).fetchone()
    return None if found is None else Customer(*found)


def list_customers(
    conn: Connection, service_id: int, text: str | None, limit: int, offset: int
) -> tuple[list[Customer], int]:
    """A page of the service's customers, the newest first, and how many there are.

    ``text``: only those in whose external id, name or e-mail address it is.
    """
    wanted = {"service_id": service_id, "text": text, "limit": limit, "offset": offset}
    counted = conn.execute(_SQL["count_customers"], wanted).fetchone()
    rows = conn.execute(_SQL["customers"], wanted)
    return [Customer(*row) for row in rows], 0 if counted is None else counted[0]
