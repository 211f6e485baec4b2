"""Parked counters, once the catalog knows them, are applied by themselves (P6)."""

from collections import defaultdict
from datetime import datetime

from ledger.announce import Announced, announce
from ledger.db import Connection
from ledger.fold import ItemKey, fold_items
from ledger.outcomes import LETTERS, Outcome
from ledger.place import Arrival
from ledger.queries import load_queries
from schemas.messages import Counter

PAGE = 2_000

_SQL = load_queries("parked")


def services_with_parked(conn: Connection) -> list[int]:
    """The services that have counters waiting."""
    return [row[0] for row in conn.execute(_SQL["services_with_parked"])]


def apply_parked(conn: Connection, service_id: int, now: datetime) -> int:
    """Apply one page of a service's ripe counters; returns how many left the lot.

    Rows are locked, folded, taken out, their receipts corrected and announced in the
    caller's one transaction; run again, it finds what is left. Call until it returns 0.
    """
    rows = conn.execute(
        _SQL["claim_ripe"], {"service_id": service_id, "limit": PAGE}
    ).fetchall()
    if not rows:
        return 0
    ripe = [
        Arrival(
            str(batch), Counter(index, tid, sub, code, at, value, _members(members))
        )
        for index, tid, sub, code, at, value, members, batch in rows
    ]
    outcomes = fold_items(conn, service_id, ripe, now, parking=False)
    counters = [arrival.counter for arrival in ripe]
    conn.execute(
        _SQL["unpark"],
        {
            "service_id": service_id,
            "external_subscription_ids": [c.external_subscription_id for c in counters],
            "codes": [c.code for c in counters],
            "transaction_ids": [c.transaction_id for c in counters],
        },
    )
    _correct_receipts(conn, service_id, outcomes, now)
    return len(ripe)


def _members(stored: list[str] | None) -> tuple[str, ...] | None:
    return None if stored is None else tuple(stored)


def _correct_receipts(
    conn: Connection,
    service_id: int,
    outcomes: dict[ItemKey, Outcome],
    now: datetime,
) -> None:
    keys = list(outcomes)
    changes = {
        "batch_ids": [batch_id for batch_id, _ in keys],
        "item_indexes": [index for _, index in keys],
        "letters": [LETTERS[outcomes[key].outcome] for key in keys],
        "reasons": [outcomes[key].reason for key in keys],
    }
    conn.execute(_SQL["lock_outcomes"], changes)
    receipts = conn.execute(_SQL["change_outcomes"], changes).fetchall()
    by_batch: dict[str, dict[int, Outcome]] = defaultdict(dict)
    for (batch_id, index), outcome in outcomes.items():
        by_batch[batch_id][index] = outcome
    for batch_id, received, *sums in receipts:
        tally = dict(zip(LETTERS, sums, strict=True))
        receipt = Announced(service_id, str(batch_id), received, tally)
        announce(conn, receipt, by_batch[str(batch_id)], now)
