"""Parked counters, once the catalog knows them, are applied by themselves (P6)."""

from datetime import datetime

from ledger.db import Connection
from ledger.fold import fold_items
from ledger.late_outcomes import correct_receipts
from ledger.parking import claim_page, read_arrival, take_out
from ledger.queries import load_queries

PAGE = 2_000

_SQL = load_queries("parked")


def services_with_parked(conn: Connection) -> list[int]:
    """The services that have counters waiting."""
    return [row[0] for row in conn.execute(_SQL["services_with_parked"])]


def apply_parked(
    conn: Connection, service_id: int, now: datetime, share: int = 1
) -> int:
    """Apply one page of a service's ripe counters; returns how many left the lot.

    ``share``: take one so-manieth of a page. Rows are locked, folded, taken out, their
    receipts corrected and announced in the caller's one transaction; run again, it
    finds what is left. Call until it returns 0.
    """
    rows = claim_page(conn, "claim_ripe", {"service_id": service_id}, PAGE, share)
    if not rows:
        return 0
    ripe = [read_arrival(*row) for row in rows]
    outcomes = fold_items(conn, service_id, ripe, now, parking=False)
    take_out(conn, service_id, ripe)
    correct_receipts(conn, service_id, outcomes, now)
    return len(ripe)
