"""The parking lot: counters whose subscription or metric is not known yet (P6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from ledger.columns import arrival_columns
from ledger.db import Connection
from ledger.place import Arrival
from ledger.queries import load_queries
from schemas.messages import Counter

TOO_LONG = timedelta(days=1)
"""Who waits longer is counted as such, and in the end given up. The code of both:"""
PARKED_TOO_LONG = "parked_too_long"

PAGE_WEIGHT: Final = 100_000
"""Members in a page of counters, about; a counter of one number weighs 1."""
CHARS_OF_WEIGHT: Final = 100
"""Of properties, weigh as much as a member."""
_FETCHED_ROWS: Final = 20
_MEMBERS: Final = 6
_PROPERTIES: Final = 7

_SQL = load_queries("parked")


@dataclass(frozen=True)
class Lot:
    """What became of counters at the parking lot: batch and index, told apart."""

    parked: frozenset[tuple[str, int]]
    duplicates: frozenset[tuple[str, int]]
    conflicts: frozenset[tuple[str, int]]


def park_counters(
    conn: Connection,
    service_id: int,
    parked: Sequence[tuple[Arrival, str]],
    now: datetime,
) -> Lot:
    """Park counters, each with its reason code, the first of each identity.

    An identity that is parked already is a duplicate or, when it differs, a conflict.
    One that has left the lot in the meantime is in none of the three sets.
    """
    columns = {
        **arrival_columns([arrival for arrival, _ in parked]),
        "service_id": service_id,
    }
    more = {"reasons": [reason for _, reason in parked], "now": now}
    rows = conn.execute(_SQL["park_counters"], {**columns, **more})
    kept = {(str(batch_id), index) for batch_id, index in rows}
    same = {
        (str(batch_id), index): equal
        for batch_id, index, equal in conn.execute(_SQL["compare_parked"], columns)
    }
    return Lot(
        parked=frozenset(kept),
        duplicates=frozenset(k for k, equal in same.items() if equal and k not in kept),
        conflicts=frozenset(k for k, equal in same.items() if not equal),
    )


def claim_page(
    conn: Connection, claim: str, values: Mapping[str, Any], rows: int, share: int
) -> list[tuple[Any, ...]]:
    """The first rows of a claim, locked: what makes a page, or one ``share``-th of it.

    A page is so many rows, or fewer that weigh PAGE_WEIGHT together, but at least one:
    by rows alone, 2,000 lists of 10,000 members would be one. A few more may be locked.
    """
    page: list[tuple[Any, ...]] = []
    weight = 0
    with conn.cursor(name=claim) as cursor:
        cursor.itersize = _FETCHED_ROWS
        cursor.execute(_SQL[claim], {**values, "limit": max(1, rows // share)})
        for row in cursor:
            page.append(row)
            weight += len(row[_MEMBERS] or "1")
            weight += len(row[_PROPERTIES] or "") // CHARS_OF_WEIGHT
            if weight >= PAGE_WEIGHT // share:
                break
    return page


def read_arrival(
    index: int,
    transaction_id: str,
    external_subscription_id: str,
    code: str,
    timestamp_us: int,
    value: str | None,
    members: list[str] | None,
    properties: str | None,
    timestamp_given: bool,
    batch_id: UUID,
) -> Arrival:
    """A row of the parking lot as the counter that came; arguments in its order."""
    counter = Counter(
        index,
        transaction_id,
        external_subscription_id,
        code,
        timestamp_us,
        value,
        None if members is None else tuple(members),
        properties,
        timestamp_given,
    )
    return Arrival(str(batch_id), counter)


def take_out(conn: Connection, service_id: int, arrivals: Sequence[Arrival]) -> None:
    """Delete counters from the lot; the caller has locked their rows."""
    counters = [arrival.counter for arrival in arrivals]
    conn.execute(
        _SQL["take_out"],
        {
            "service_id": service_id,
            "external_subscription_ids": [c.external_subscription_id for c in counters],
            "codes": [c.code for c in counters],
            "transaction_ids": [c.transaction_id for c in counters],
        },
    )
