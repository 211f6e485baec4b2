"""Outcomes that change after their batch is done: the receipt follows, and is told."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from ledger.announce import Announced, announce
from ledger.db import Connection
from ledger.outcomes import LETTERS, Outcome
from ledger.queries import load_queries

_SQL = load_queries("parked")


def correct_receipts(
    conn: Connection,
    service_id: int,
    outcomes: Mapping[tuple[str, int], Outcome],
    now: datetime,
) -> None:
    """Give items of one service's batches other outcomes, by batch and index.

    The receipts are locked in the order of their batches, so that two who correct the
    same ones wait for each other and never in a circle. Commits with what changed them.
    """
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
