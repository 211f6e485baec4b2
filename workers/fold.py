"""One batch message, from the broker into the books, or into the dead letters.

A failure is one of three kinds, and its class decides:

invalid   the message can never be applied (MessageInvalid, the database refuses its
          data): dead-lettered at once
trouble   the database is away or busy, as its SQLSTATE says: not the message's fault;
          the delivery is not counted, the message goes back to the queue
unknown   anything else, also the end of the worker or of the database's connection in
          the middle, and what is not done in time, which may be the message's own
          weight: the delivery counts; after max_deliveries the message is
          dead-lettered, and stops nobody
"""

import traceback
from collections import Counter as Tally
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import psycopg
import structlog
from psycopg_pool import PoolTimeout

from ledger.batches import apply_batch, bury_batch, return_batches, take_batch
from ledger.db import transaction
from ledger.dead_letters import DeadLetter, bury
from schemas.batch_wire import decode_batch
from schemas.messages import BatchMessage, MessageInvalid

KIND = "batch"

# Read-only, serialization and deadlock, no resources, a lock not had in time, shutting
# down. A statement that was not done in time is none: it waits for no lock that long.
_TROUBLE_STATES = ("25006", "40", "53", "55P03", "57P01", "57P02", "57P03")
_INVALID = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,  # a key too long for an index
)

log = structlog.get_logger()


class Trouble(RuntimeError):
    """Try this message again later; it stays in the queue."""


def fold_message(
    database_url: str, body: Any, message_id: str, max_deliveries: int, now: datetime
) -> Tally[str]:
    """Apply one message; returns the tally of outcomes, empty if there was none to do.

    May run any number of times for one message: a batch that is done is left alone.
    Raises Trouble when the message has to come back.
    """
    with anything_is_trouble(message_id):
        return _fold(database_url, body, message_id, max_deliveries, now)


@contextmanager
def anything_is_trouble(message_id: str) -> Iterator[None]:
    """Raise whatever goes wrong in the block as Trouble: the message must come back."""
    try:
        yield
    except Trouble:
        raise
    except Exception as error:
        log.exception("message_returned", message_id=message_id)
        raise Trouble(f"{type(error).__name__}: {error}") from error


def _fold(
    database_url: str, body: Any, message_id: str, max_deliveries: int, now: datetime
) -> Tally[str]:
    try:
        message = decode_batch(body)
    except MessageInvalid:
        detail = traceback.format_exc()
        letter = DeadLetter(KIND, None, message_id, body, "message_invalid", detail, 1)
        _bury(database_url, letter, now)
        return Tally()
    try:
        with transaction(database_url) as conn:
            delivery = take_batch(conn, message)
    except _INVALID:
        detail = traceback.format_exc()
        letter = DeadLetter(KIND, None, message_id, body, "data_refused", detail, 1)
        _bury(database_url, letter, now)
        return Tally()
    if delivery.state in ("done", "dead"):
        return Tally()
    letter = DeadLetter(
        KIND,
        message.service_id,
        message.batch_id,
        body,
        "worker_lost",
        f"delivered {delivery.deliveries} times; each time its worker ended before the "
        "batch was done",
        delivery.deliveries,
    )
    if delivery.deliveries > max_deliveries:
        _bury(database_url, letter, now)
        return Tally()
    return _apply(database_url, message, letter, max_deliveries, now)


def _apply(
    database_url: str,
    message: BatchMessage,
    letter: DeadLetter,
    max_deliveries: int,
    now: datetime,
) -> Tally[str]:
    try:
        with transaction(database_url) as conn:
            tally = apply_batch(conn, message, now)
    except _INVALID:
        detail = traceback.format_exc()
        _bury(database_url, replace(letter, reason="data_refused", detail=detail), now)
        return Tally()
    except Exception as error:  # an error of ours: no kind of it may lose a message
        if is_trouble(error):
            with transaction(database_url) as conn:
                return_batches(conn, [message.batch_id])
            raise
        log.exception("batch_failed", batch_id=message.batch_id)
        if letter.attempts < max_deliveries:
            raise Trouble(f"{type(error).__name__}: {error}") from error
        detail = traceback.format_exc()
        _bury(database_url, replace(letter, reason="failed", detail=detail), now)
        return Tally()
    if tally:
        log.info("batch_done", batch_id=message.batch_id, **tally)
    return tally


def is_trouble(error: Exception) -> bool:
    """Whether the database is away or busy: no fault of a message."""
    if isinstance(error, PoolTimeout):
        return True  # the database is away
    return isinstance(error, psycopg.Error) and (error.sqlstate or "").startswith(
        _TROUBLE_STATES
    )


def _bury(database_url: str, letter: DeadLetter, now: datetime) -> None:
    with transaction(database_url) as conn:
        bury(conn, letter, now)
        if letter.service_id is not None:
            bury_batch(conn, letter.source_id, letter.reason, now)
    log.error("message_dead", source_id=letter.source_id, reason=letter.reason)
