"""Dead letters of rollups that Odoo refuses over and over (P11).

A dead rollup stays dirty, so that no invoice is closed without it. It is tried once a
day: its cause may have been mended in Odoo, and a frozen rollup never changes again, so
that without it Odoo would wait for a person (P9). A revision that changes goes out
earlier by itself: a trigger sees to it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ledger.db import Connection
from ledger.dead_letters import DeadLetter, bury_all
from ledger.push_claims import Claim
from ledger.queries import load_queries

KIND: Final = "odoo_row"
REASON: Final = "odoo_refuses_row"

_SQL = load_queries("push_dead")


@dataclass(frozen=True)
class DeadRow:
    """A claim that was refused for good, the row that Odoo refused, and why."""

    claim: Claim
    payload: dict[str, Any]
    error: str


def bury_rows(conn: Connection, rows: Iterable[DeadRow], now: datetime) -> None:
    """Keep a dead letter of each; commits with the mark of the refusal.

    May run twice: a rollup has one letter, with the newest row and reason.
    """
    letters = [
        DeadLetter(
            KIND,
            row.claim.service_id,
            source_of(row.claim),
            row.payload,
            REASON,
            row.error,
            row.claim.attempts + 1,
        )
        for row in rows
    ]
    if letters:
        bury_all(conn, letters, now)


def clear_letters(conn: Connection, claims: Iterable[Claim]) -> int:
    """Remove the letters of claims that Odoo took at last; answers how many there were.

    May run twice: what is not there is not removed.
    """
    # Only what was refused before can have one.
    sources = [source_of(claim) for claim in claims if claim.attempts]
    if not sources:
        return 0
    return conn.execute(_SQL["clear_letters"], {"source_ids": sources}).rowcount


def put_back_rows(conn: Connection, letter_ids: Sequence[int], now: datetime) -> int:
    """Have dead rollups pushed at once, by their letters' ids; answers how many.

    The letters go when Odoo takes the rollups; one whose rollup is gone goes now. May
    run twice: a rollup that was put back is on its way.
    """
    given = {"letter_ids": list(letter_ids), "now": now}
    conn.execute(_SQL["drop_letters_of_nothing"], given)
    return conn.execute(_SQL["put_back_rows"], given).rowcount


def source_of(claim: Claim) -> str:
    """A rollup's key as a dead letter names it: keys and starts, joined with ``/``."""
    starts = (claim.period_start.isoformat(), claim.usage_start.isoformat())
    return "/".join((str(claim.subscription_id), str(claim.metric_id), *starts))
