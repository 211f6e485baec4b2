"""Parked counters that nothing brings home go to the dead letters in the end (P11)."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta

from ledger.db import Connection
from ledger.dead_letters import DeadLetter, bury_all
from ledger.late_outcomes import correct_receipts
from ledger.outcomes import Outcome
from ledger.parking import PARKED_TOO_LONG, claim_page, read_arrival, take_out
from ledger.place import Arrival
from ledger.queries import load_queries
from schemas.timestamps import utc_text

KIND = "counter"
PAGE = 1_000

_SQL = load_queries("parked")


def services_with_expired(
    conn: Connection, dead_after: timedelta, now: datetime
) -> list[int]:
    """The services that have counters which have waited for ``dead_after``."""
    until = {"until": now - dead_after}
    return [row[0] for row in conn.execute(_SQL["services_with_expired"], until)]


def bury_expired(
    conn: Connection,
    service_id: int,
    dead_after: timedelta,
    now: datetime,
    share: int = 1,
) -> int:
    """Give up one page of a service's counters; returns how many left the lot.

    ``share``: take one so-manieth of a page. What the catalog knows by now is left to
    be applied. Rows are locked, buried, taken out, their receipts corrected and
    announced in the caller's one transaction; run again, or beside itself or unparking,
    it finds what is left. An identity has one dead letter: pushed and given up again,
    it has the newer counter.
    """
    values = {"service_id": service_id, "until": now - dead_after}
    rows = claim_page(conn, "claim_expired", values, PAGE, share)
    if not rows:
        return 0
    expired = [read_arrival(*row[:-2]) for row in rows]
    letters = [
        _as_letter(service_id, arrival, row[-2], row[-1], now)
        for arrival, row in zip(expired, rows, strict=True)
    ]
    bury_all(conn, letters, now)
    take_out(conn, service_id, expired)
    rejected = {
        arrival.key: Outcome("rejected", PARKED_TOO_LONG) for arrival in expired
    }
    correct_receipts(conn, service_id, rejected, now)
    return len(expired)


def _as_letter(
    service_id: int, arrival: Arrival, why: str, parked_at: datetime, now: datetime
) -> DeadLetter:
    counter = arrival.counter
    waited = now - parked_at
    payload = {
        "batch_id": arrival.batch_id,
        **asdict(counter),
        "reason": why,
        "parked_at": utc_text(parked_at),
        "waited_seconds": waited // timedelta(seconds=1),
    }
    detail = f"waited {waited.days} days in the parking lot: {why}"
    source_id = _name_identity(
        service_id,
        counter.external_subscription_id,
        counter.code,
        counter.transaction_id,
    )
    return DeadLetter(KIND, service_id, source_id, payload, PARKED_TOO_LONG, detail, 1)


def _name_identity(service_id: int, *texts: str) -> str:
    """As JSON, since ids may contain any separator. At most 2,571 bytes: an index row
    holds 2,704, and a text of 765 bytes in 255 characters grows to 850 at most."""
    return json.dumps([service_id, *texts], ensure_ascii=False, separators=(",", ":"))
