"""A batch's way into the books, in one transaction: place, dedupe, fold, record.

``apply_batch`` may run twice, or twice at once, for the same message: the batch's row
is locked first, and a batch that is done is left alone.
"""

import json
from collections import Counter as Tally
from dataclasses import dataclass
from datetime import datetime, timedelta

from ledger.announce import Announced, announce
from ledger.db import Connection
from ledger.fold import fold_items
from ledger.outcomes import LETTERS, Outcome
from ledger.place import EPOCH, Arrival
from ledger.queries import load_queries
from schemas.messages import BatchMessage

_SQL = load_queries("fold")


@dataclass(frozen=True)
class Delivery:
    """A batch's state (done: nothing is left to do) and how often it was delivered."""

    state: str
    deliveries: int


def take_batch(conn: Connection, message: BatchMessage) -> Delivery:
    """Count this delivery of the message; commit it before applying the batch.

    The commit does not wait for the disk: the count must outlive the worker, whom the
    message may end, and may be lost with PostgreSQL, whom it does not.
    """
    conn.execute(_SQL["no_wait_for_disk"])
    row = conn.execute(
        _SQL["take_batch"],
        {
            "batch_id": message.batch_id,
            "service_id": message.service_id,
            "received": message.received,
            "received_at": EPOCH + timedelta(microseconds=message.received_at_us),
        },
    ).fetchone()
    assert row is not None  # noqa: S101 - an upsert with RETURNING answers one row
    return Delivery(*row)


def return_batch(conn: Connection, batch_id: str) -> None:
    """Take a delivery back that failed through no fault of the message."""
    conn.execute(_SQL["return_batch"], {"batch_id": batch_id})


def apply_batch(conn: Connection, message: BatchMessage, now: datetime) -> Tally[str]:
    """Fold a batch that was taken; the caller's transaction commits it whole.

    Returns how many items had each outcome; empty when the batch was done before.
    """
    batch_id = message.batch_id
    if not _lock(conn, message):
        return Tally()
    arrivals = [Arrival(batch_id, counter) for counter in message.counters]
    folded = fold_items(conn, message.service_id, arrivals, now)
    outcomes = {index: outcome for (_, index), outcome in folded.items()}
    for rejection in message.rejections:
        outcomes[rejection.index] = Outcome("rejected", rejection.reason)
    tally = Tally(dict.fromkeys(LETTERS, 0))
    tally.update(item.outcome for item in outcomes.values())
    conn.execute(_SQL["finish_batch"], {"batch_id": batch_id, "now": now, **tally})
    _write_outcomes(conn, message, outcomes)
    receipt = Announced(message.service_id, batch_id, message.received, tally)
    announce(conn, receipt, outcomes, now)
    return tally


def _lock(conn: Connection, message: BatchMessage) -> bool:
    """Whether there is something to do. No other delivery of the batch can go on.

    A row that take_batch wrote is gone when PostgreSQL crashed since: nobody waited
    for the disk. The message has all that it held.
    """
    state = conn.execute(_SQL["lock_batch"], {"batch_id": message.batch_id}).fetchone()
    if state is None:
        state = (take_batch(conn, message).state,)
    return state[0] not in ("done", "dead")


def _write_outcomes(
    conn: Connection, message: BatchMessage, outcomes: dict[int, Outcome]
) -> None:
    transaction_ids: dict[int, str | None] = {
        c.index: c.transaction_id for c in message.counters
    }
    transaction_ids.update((r.index, r.transaction_id) for r in message.rejections)
    indexes = sorted(outcomes)
    conn.execute(
        _SQL["insert_outcomes"],
        {
            "batch_id": message.batch_id,
            "outcomes": "".join(LETTERS[outcomes[i].outcome] for i in indexes),
            "transaction_ids": [transaction_ids[i] for i in indexes],
            "reasons": json.dumps(
                {i: outcomes[i].reason for i in indexes if outcomes[i].reason}
            ),
        },
    )


def bury_batch(conn: Connection, batch_id: str, error: str, now: datetime) -> None:
    """Mark a batch dead; the dead letter itself is the caller's, same transaction."""
    conn.execute(_SQL["bury_batch"], {"batch_id": batch_id, "error": error, "now": now})
