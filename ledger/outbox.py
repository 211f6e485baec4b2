"""The outbox: an event is written in the transaction of what it tells of (P10)."""

import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ledger.db import Connection
from ledger.queries import load_queries
from schemas.timestamps import utc_text

_SQL = load_queries("outbox")


def enqueue_event(
    conn: Connection,
    service_id: int,
    event_type: str,
    data: Mapping[str, Any],
    now: datetime,
) -> int:
    """Put an event into the outbox; returns to how many endpoints it will go.

    The body is serialized here, once: its bytes are what every attempt signs and sends.
    """
    body = {
        "type": event_type,
        "timestamp": utc_text(now),
        "data": data,
    }
    return conn.execute(
        _SQL["enqueue_message"],
        {
            "id": f"msg_{secrets.token_urlsafe(18)}",
            "service_id": service_id,
            "type": event_type,
            "body": json.dumps(body, separators=(",", ":")).encode(),
            "now": now,
        },
    ).rowcount
