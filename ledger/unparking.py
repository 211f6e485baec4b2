"""Parked counters, once the catalog knows them, are applied by themselves (P6)."""

import json
from collections import Counter as Tally
from datetime import datetime
from itertools import groupby

from ledger.batches import LETTERS, OUTCOMES
from ledger.db import Connection
from ledger.fold import Outcome, fold_items
from ledger.queries import load_queries
from schemas.messages import Counter

PAGE = 5_000

_SQL = load_queries("parked")


def services_with_parked(conn: Connection) -> list[int]:
    """The services that have counters waiting."""
    return [row[0] for row in conn.execute(_SQL["services_with_parked"])]


def apply_parked(conn: Connection, service_id: int, now: datetime) -> int:
    """Apply one page of a service's ripe counters; returns how many left the lot.

    Rows are locked, folded, taken out and their receipts corrected in the caller's one
    transaction; run again, it finds what is left. Call until it returns 0.
    """
    rows = conn.execute(
        _SQL["claim_ripe"], {"service_id": service_id, "limit": PAGE}
    ).fetchall()
    ripe = [
        (str(batch), Counter(index, tid, sub, code, at, value, _members(members)))
        for index, tid, sub, code, at, value, members, batch in rows
    ]
    ripe.sort(key=lambda pair: pair[0])
    for batch_id, group in groupby(ripe, key=lambda pair: pair[0]):
        counters = [counter for _, counter in group]
        outcomes = fold_items(conn, service_id, batch_id, counters, now, parking=False)
        _correct_receipt(conn, batch_id, outcomes)
    if ripe:
        counters = [counter for _, counter in ripe]
        conn.execute(
            _SQL["unpark"],
            {
                "service_id": service_id,
                "external_subscription_ids": [
                    c.external_subscription_id for c in counters
                ],
                "codes": [c.code for c in counters],
                "transaction_ids": [c.transaction_id for c in counters],
            },
        )
    return len(ripe)


def _members(stored: list[str] | None) -> tuple[str, ...] | None:
    return None if stored is None else tuple(stored)


def _correct_receipt(
    conn: Connection, batch_id: str, changes: dict[int, Outcome]
) -> None:
    row = conn.execute(_SQL["lock_outcome"], {"batch_id": batch_id}).fetchone()
    assert row is not None  # noqa: S101 - parked in the transaction that wrote it
    letters, reasons = list(row[0]), row[1]
    for index, change in changes.items():
        letters[index] = LETTERS[change.outcome]
        reasons.pop(str(index), None)
        if change.reason:
            reasons[str(index)] = change.reason
    conn.execute(
        _SQL["update_outcome"],
        {
            "batch_id": batch_id,
            "outcomes": "".join(letters),
            "reasons": json.dumps(reasons),
        },
    )
    tally = Tally(dict.fromkeys(LETTERS, 0))
    tally.update(OUTCOMES[letter] for letter in letters)
    conn.execute(_SQL["recount_batch"], {"batch_id": batch_id, **tally})
