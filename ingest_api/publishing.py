"""From a batch that was checked to one that the broker has confirmed."""

from contextlib import suppress
from datetime import datetime
from time import monotonic
from typing import Final

import structlog

from ingest_api.api import Api
from ingest_api.bounded import Unavailable
from ingest_api.errors import too_many_requests
from ingest_api.metrics import PUBLISH_FAILURES
from ledger.place import EPOCH, MICROSECOND
from ledger.receipts import write_queued
from schemas.messages import BatchMessage

ANSWER_SECONDS: Final = 1.7
"""From the request's start to the broker's word, without the body's transfer."""
PUBLISH_SECONDS: Final = 1.0
"""What the broker is given at least, however long the body took: less says nothing
about the broker, and a failure of it is everybody's."""
RECEIPT_SECONDS: Final = 0.5
QUEUE_RETRY_SECONDS: Final = 2

log = structlog.get_logger()


def refuse_when_queue_is_deep(api: Api) -> None:
    """Raises ApiError 429 while more batches wait than may."""
    limit = api.settings.max_queue_batches
    with suppress(Unavailable):  # then publishing says so
        if api.publisher.queue_depth(ANSWER_SECONDS / 2) >= limit:
            raise too_many_requests(
                "queue_too_deep",
                "more batches wait than the workers keep up with; slow down",
                QUEUE_RETRY_SECONDS,
                limit,
            )


def publish_batch(api: Api, message: BatchMessage, started: float) -> None:
    """Returns when the broker has it; ``started``: the request, by the monotonic clock.

    Raises Unavailable.
    """
    left = ANSWER_SECONDS - seconds_since(started)
    try:
        api.publisher.publish(message, max(PUBLISH_SECONDS, left))
    except Unavailable:
        PUBLISH_FAILURES.inc()
        raise


def note_queued(api: Api, message: BatchMessage) -> None:
    """Write the receipt, as far as possible: the batch is stored, and the worker writes
    its row from the message if this fails."""
    try:
        api.run_one(lambda conn: write_queued(conn, message), RECEIPT_SECONDS)
    except Unavailable:
        log.warning("receipt_left_to_worker", batch_id=message.batch_id)


def seconds_since(started: float) -> float:
    """By the monotonic clock."""
    return monotonic() - started


def microseconds(instant: datetime) -> int:
    """Since 1970."""
    return (instant - EPOCH) // MICROSECOND
