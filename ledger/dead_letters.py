"""Dead letters: what cannot go on is kept with its payload and the reason (P11)."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ledger.db import Connection
from ledger.queries import load_queries

_SQL = load_queries("dead_letters")


@dataclass(frozen=True)
class DeadLetter:
    """One thing that cannot go on. ``reason`` is a code, ``detail`` for a person.

    ``payload`` is anything JSON can carry; ``source_id`` names the thing within its
    ``kind`` (a batch id, a delivery), so that burying it twice makes one row.
    """

    kind: str
    service_id: int | None
    source_id: str
    payload: Any
    reason: str
    detail: str
    attempts: int


def bury(conn: Connection, letter: DeadLetter, now: datetime) -> None:
    """Keep a dead letter; commits with what the caller does beside it."""
    bury_all(conn, [letter], now)


def bury_all(conn: Connection, letters: Iterable[DeadLetter], now: datetime) -> None:
    """Keep dead letters; commits with what the caller does beside it."""
    rows = [
        {
            **letter.__dict__,
            "payload": json.dumps(letter.payload),
            "detail": letter.detail.replace("\0", "\\0"),
            "now": now,
        }
        for letter in letters
    ]
    with conn.cursor() as cursor:
        cursor.executemany(_SQL["insert_dead_letter"], rows)
