"""Receipts: what an app may ask about a batch that it pushed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from ledger.db import Connection
from ledger.outcomes import LETTERS, OUTCOMES
from ledger.place import EPOCH
from ledger.queries import load_queries
from schemas.messages import BatchMessage

_SQL = load_queries("receipts")


@dataclass(frozen=True)
class Receipt:
    """A batch's state and how many items had each outcome, zero until it is done."""

    batch_id: str
    state: str
    received: int
    outcomes: Mapping[str, int]


@dataclass(frozen=True)
class Item:
    """One item of a batch: its place as pushed, its outcome, and why, where refused."""

    index: int
    transaction_id: str | None
    outcome: str
    reason: str | None


def write_queued(conn: Connection, message: BatchMessage) -> None:
    """Note that the broker has the batch. Safe to repeat, and to be late.

    The transaction need not outlast a crash, since the message does, and the worker
    writes the row from it: its commit does not wait for the disk.
    """
    conn.execute(
        _SQL["insert_queued"],
        {
            "batch_id": message.batch_id,
            "service_id": message.service_id,
            "received": message.received,
            "received_at": EPOCH + timedelta(microseconds=message.received_at_us),
        },
    )


def read_receipt(conn: Connection, service_id: int, batch_id: str) -> Receipt | None:
    """The service's batch; None when there is none, or it is another service's."""
    row = conn.execute(
        _SQL["receipt"], {"batch_id": batch_id, "service_id": service_id}
    ).fetchone()
    if row is None:
        return None
    found, state, received, *tally = row
    return Receipt(str(found), state, received, dict(zip(LETTERS, tally, strict=True)))


def read_items(
    conn: Connection, batch_id: str, outcome: str | None, limit: int, offset: int
) -> list[Item]:
    """A page of a batch's items in their order, all or of one outcome.

    The batch is one that read_receipt has shown to be the caller's.
    """
    rows = conn.execute(
        _SQL["items"],
        {
            "batch_id": batch_id,
            "letter": None if outcome is None else LETTERS[outcome],
            "limit": limit,
            "offset": offset,
        },
    )
    return [
        Item(index, transaction_id, OUTCOMES[letter], reason)
        for index, transaction_id, letter, reason in rows
    ]
