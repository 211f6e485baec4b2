"""A batch's way into the books, in one transaction: place, dedupe, fold, record.

``apply_batch`` and ``apply_batches`` may run twice, or twice at once, for the same
message: the batch's row is locked first, and a batch that is done is left alone.
"""

import json
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ledger.announce import Announced, announce
from ledger.db import Connection
from ledger.fold import fold_items
from ledger.outcomes import LETTERS, Outcome
from ledger.place import EPOCH, Arrival
from ledger.queries import load_queries
from schemas.messages import BatchMessage

_SQL = load_queries("fold")
_OVER = ("done", "dead")


@dataclass(frozen=True)
class Delivery:
    """A batch's state (done: nothing is left to do) and how often it was delivered."""

    state: str
    deliveries: int


def take_batches(
    conn: Connection, messages: Sequence[BatchMessage]
) -> dict[str, Delivery]:
    """Count this delivery of each; commit it before applying them. Answers by batch id.

    The commit does not wait for the disk: the count must outlive the worker, whom the
    message may end, and may be lost with PostgreSQL, whom it does not.
    """
    conn.execute(_SQL["no_wait_for_disk"])
    return _take(conn, messages)


def take_batch(conn: Connection, message: BatchMessage) -> Delivery:
    """The same for one."""
    return take_batches(conn, [message])[message.batch_id]


def return_batches(conn: Connection, batch_ids: Iterable[str]) -> None:
    """Take deliveries back that failed through no fault of their messages."""
    _run_by_id(conn, "return_batch", {batch_id: {} for batch_id in batch_ids})


def apply_batch(conn: Connection, message: BatchMessage, now: datetime) -> Tally[str]:
    """Fold a batch that was taken; the caller's transaction commits it whole.

    Returns how many items had each outcome; empty when the batch was done before.
    """
    return apply_batches(conn, [message], now).get(message.batch_id, Tally())


def apply_batches(
    conn: Connection, messages: Sequence[BatchMessage], now: datetime
) -> dict[str, Tally[str]]:
    """Fold batches of one service, all taken, as if one by one in this order.

    Returns the tally of each by its id, without those that were done before.
    """
    left = _lock(conn, messages)
    messages = [message for message in messages if message.batch_id in left]
    if not messages:
        return {}
    arrivals = [
        Arrival(message.batch_id, counter)
        for message in messages
        for counter in message.counters
    ]
    outcomes: dict[str, dict[int, Outcome]] = defaultdict(dict)
    folded = fold_items(conn, messages[0].service_id, arrivals, now)
    for (batch_id, index), outcome in folded.items():
        outcomes[batch_id][index] = outcome
    return {
        message.batch_id: _finish(conn, message, outcomes[message.batch_id], now)
        for message in messages
    }


def _take(conn: Connection, messages: Sequence[BatchMessage]) -> dict[str, Delivery]:
    rows = {
        message.batch_id: {
            "service_id": message.service_id,
            "received": message.received,
            "received_at": EPOCH + timedelta(microseconds=message.received_at_us),
        }
        for message in messages
    }
    answers = _run_by_id(conn, "take_batch", rows)
    return {batch_id: Delivery(*answer) for batch_id, answer in answers.items()}


def _lock(conn: Connection, messages: Sequence[BatchMessage]) -> set[str]:
    """The ids of those that are not done. No other delivery of them can go on.

    A row that take_batches wrote is gone when PostgreSQL crashed since: nobody waited
    for the disk. The message has all that it held.
    """
    ids: dict[str, dict[str, object]] = {message.batch_id: {} for message in messages}
    states = {
        batch_id: state
        for batch_id, (state,) in _run_by_id(conn, "lock_batch", ids).items()
    }
    lost = _take(conn, [m for m in messages if m.batch_id not in states])
    states.update((batch_id, taken.state) for batch_id, taken in lost.items())
    return {batch_id for batch_id, state in states.items() if state not in _OVER}


def _run_by_id(
    conn: Connection, name: str, rows: Mapping[str, Mapping[str, object]]
) -> dict[str, tuple[Any, ...]]:
    """Run a statement on each batch, in the order in which their rows are locked.

    Two transactions that do so wait for each other and never in a circle. Answers the
    row, if there is one, by batch id.
    """
    ids = sorted(rows)
    answers: dict[str, tuple[Any, ...]] = {}
    with conn.cursor() as cursor:
        parameters = [{"batch_id": batch_id, **rows[batch_id]} for batch_id in ids]
        cursor.executemany(_SQL[name], parameters, returning=True)
        for batch_id in ids:
            row = cursor.fetchone() if cursor.description else None
            if row is not None:
                answers[batch_id] = row
            cursor.nextset()
    return answers


def _finish(
    conn: Connection,
    message: BatchMessage,
    folded: Mapping[int, Outcome],
    now: datetime,
) -> Tally[str]:
    outcomes = dict(folded)
    for rejection in message.rejections:
        outcomes[rejection.index] = Outcome("rejected", rejection.reason)
    tally = Tally(dict.fromkeys(LETTERS, 0))
    tally.update(item.outcome for item in outcomes.values())
    batch_id = message.batch_id
    conn.execute(_SQL["finish_batch"], {"batch_id": batch_id, "now": now, **tally})
    _write_outcomes(conn, message, outcomes)
    receipt = Announced(message.service_id, batch_id, message.received, tally)
    announce(conn, receipt, outcomes, now)
    return tally


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
