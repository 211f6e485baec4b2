"""Telling an app of a change of its own records, in the change's transaction (P10).

While the service is in shadow nothing is told (P13).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ledger.db import Connection
from ledger.outbox import enqueue_event
from ledger.queries import load_queries

_SQL = load_queries("telling")


def tell(
    conn: Connection,
    service_id: int,
    event_type: str,
    data: Mapping[str, Any],
    now: datetime,
) -> None:
    """Put an event into the outbox, unless the service is in shadow."""
    found = conn.execute(_SQL["mode"], {"service_id": service_id}).fetchone()
    if found is not None and found[0] == "live":
        enqueue_event(conn, service_id, event_type, data, now)
