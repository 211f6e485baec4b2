"""Idempotency keys: a push that is sent again is the same batch with the same answer.

The key is claimed for a batch id before the batch is published. Whoever repeats the
request publishes under that id, which the workers apply once, or gets the stored
answer.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger.db import Connection
from ledger.queries import load_queries

_SQL = load_queries("idempotency")


@dataclass(frozen=True)
class Claim:
    """What a key stands for. ``answer`` is None until a push under it was confirmed."""

    request_digest: bytes
    batch_id: str
    answer: Mapping[str, Any] | None
    created_at: datetime


def find_claim(conn: Connection, service_id: int, key: str) -> Claim | None:
    """What the service's key stands for, if it was used before."""
    row = conn.execute(
        _SQL["find_claim"], {"service_id": service_id, "key": key}
    ).fetchone()
    return None if row is None else Claim(bytes(row[0]), str(row[1]), row[2], row[3])


def claim_key(
    conn: Connection,
    service_id: int,
    key: str,
    request_digest: bytes,
    batch_id: str,
    now: datetime,
) -> Claim:
    """Claim the key for a request; returns the claim that holds, which may be older.

    Safe to repeat, and at once: the primary key lets one in.
    """
    conn.execute(
        _SQL["claim_key"],
        {
            "service_id": service_id,
            "key": key,
            "request_digest": request_digest,
            "batch_id": batch_id,
            "now": now,
        },
    )
    claim = find_claim(conn, service_id, key)
    assert claim is not None  # noqa: S101 - claims are not deleted while in use
    return claim


def store_answer(
    conn: Connection, service_id: int, key: str, answer: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Keep the answer for repeats; returns the one that counts, which may be older."""
    row = conn.execute(
        _SQL["store_answer"],
        {"service_id": service_id, "key": key, "answer": json.dumps(answer)},
    ).fetchone()
    return answer if row is None else row[0]
