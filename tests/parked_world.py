"""Counters that wait in the parking lot, and what is told of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ledger.db import Connection
from ledger.endpoints import create_endpoint
from ledger.giving_up import bury_expired
from ledger.outcomes import LETTERS
from ledger.receipts import read_receipt
from ledger.verify import verify_books
from schemas.messages import BatchMessage, Counter
from tests.ledger_world import (
    NOW,
    World,
    counter,
    make_message,
    make_world,
    push,
)

KEY = "A" * 43 + "="
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
LIMIT = 30 * DAY
"""How long a counter may be parked in these tests, from NOW until END."""
END = NOW + LIMIT


def listening_world(conn: Connection) -> World:
    """A service with one subscription; what it pushes for ``sub-1`` is parked."""
    world = make_world(conn, subscriptions=1)
    listen(conn, world)
    return world


def lost(transaction_id: str, **more: Any) -> Counter:
    """A counter for a subscription that the world has not got."""
    return counter(transaction_id, **{"subscription": "sub-1", **more})


def bury_all(conn: Connection, world: World) -> int:
    """Give up all that is parked too long at END; answers how many."""
    total = 0
    while page := bury_expired(conn, world.service_id, LIMIT, END):
        conn.commit()
        total += page
    return total


def listen(conn: Connection, world: World) -> None:
    """Give the service an endpoint that wants every event; nobody delivers them."""
    url = "http://127.0.0.1:9/hook"
    create_endpoint(conn, world.code, url, (), secret_key=KEY, allow_loopback=True)
    conn.commit()


def park(
    conn: Connection,
    world: World,
    counters: Sequence[Counter],
    at: datetime = NOW,
) -> BatchMessage:
    """Push counters that have to wait, and have them wait since ``at``; commits."""
    message = make_message(world, counters)
    assert push(conn, message)["parked"] == len(counters)
    conn.execute(
        "UPDATE parked_counter SET parked_at = %s WHERE batch_id = %s",
        (at, message.batch_id),
    )
    conn.commit()
    return message


def events(conn: Connection, kind: str) -> list[Any]:
    """The data of each event of a type, oldest first."""
    rows = conn.execute(
        "SELECT convert_from(body, 'UTF8')::json -> 'data' FROM webhook_message"
        " WHERE type = %s ORDER BY created_at",
        (kind,),
    )
    return [row[0] for row in rows]


def outcomes(conn: Connection, world: World, batch_id: str) -> dict[str, int]:
    """The outcomes on a receipt that are not zero."""
    receipt = read_receipt(conn, world.service_id, batch_id)
    assert receipt is not None
    assert set(receipt.outcomes) == set(LETTERS)
    return {name: count for name, count in receipt.outcomes.items() if count}


def mismatches(conn: Connection, world: World) -> list[object]:
    """What ``verify`` finds wrong; ends the transaction."""
    conn.rollback()
    (proof,) = verify_books(conn, world.code)
    conn.rollback()
    return list(proof.mismatches)
