"""The batches that wait behind the one in hand, taken by the pool process itself.

Celery hands a pool process one message at a time. Here it takes more of the same queue,
over a connection of its own that it keeps, as far as they are there already: it never
waits for one. Whatever is not a batch in its first delivery ends the taking, and goes
back to the head of the queue, to be had from Celery next. Flower, which sees Celery's
tasks, sees none of them; the log has a line for each batch.

What is taken is held under the node's name, like all that the worker holds. On Redis a
worker that comes back under its name takes it back at once; what a pool process held
that died alone comes back by the visibility timeout. RabbitMQ gives back by itself what
was held over a connection that ended.
"""

from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from kombu import Queue
from kombu.exceptions import KombuError

from schemas.batch_wire import decode_batch
from schemas.broker import PUBLISH_ERRORS as BROKER_ERRORS
from schemas.messages import FOLD_BATCH, USAGE_QUEUE, BatchMessage

ENOUGH_COUNTERS = 2_000
"""With so many in hand no more are taken: the cost of a transaction is spread."""
MOST_COMPANIONS = 50

log = structlog.get_logger()


@dataclass(frozen=True)
class Companion:
    """A batch that was taken beside the one in hand, and its message at the broker."""

    batch: BatchMessage
    message: Any


class WaitingBatches:
    """A process's way to its queue; connects at first use, hence after a fork."""

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._connection: Any = None
        self._queue: Any = None
        self._held = 0  # messages taken and not settled

    def take(self, counters: int) -> list[Companion]:
        """Batches that wait behind one of so many counters.

        None when nothing waits, when that one is large, or when the broker is away.
        To be settled in any case: what ended the taking is held until then.
        """
        taken: list[Companion] = []
        try:
            while counters < ENOUGH_COUNTERS and len(taken) < MOST_COMPANIONS:
                companion = self._take_one()
                if companion is None:
                    break
                taken.append(companion)
                counters += len(companion.batch.counters)
        except BROKER_ERRORS as error:
            log.warning("waiting_batches_not_taken", error=type(error).__name__)
            self.drop()
            return []
        except BaseException:  # a time limit: what was taken must not stay held
            self.drop()
            raise
        return taken

    def settle(self, companions: Sequence[Companion], done: Container[str]) -> None:
        """Acknowledge those whose batch id is in ``done``, put back all else.

        When the broker is away, all of them come back; what is done is done once.
        """
        try:
            for companion in companions:
                if companion.batch.batch_id in done:
                    companion.message.ack()
                    self._held -= 1
            if self._held:
                self._queue.channel.basic_recover(requeue=True)
                self._held = 0
        except BROKER_ERRORS as error:
            log.warning("waiting_batches_not_settled", error=type(error).__name__)
            self.drop()
        except BaseException:  # as above
            self.drop()
            raise

    def drop(self) -> None:
        """End the connection, which puts back what is held. The next use makes one."""
        connection, self._connection, self._queue = self._connection, None, None
        self._held = 0
        if connection is not None:
            with suppress(*BROKER_ERRORS):  # it is away: nothing is left to be ended
                connection.collect()

    def _take_one(self) -> Companion | None:
        if self._queue is None:
            self._connection = self._connect()
            self._queue = Queue(USAGE_QUEUE)(self._connection.default_channel)
        message = self._queue.get(no_ack=False, accept=["json"])
        if message is None:
            return None
        self._held += 1
        batch = _batch_of(message)
        return None if batch is None else Companion(batch, message)


def _batch_of(message: Any) -> BatchMessage | None:
    """The batch, if it is one and was not delivered before."""
    is_batch = message.headers.get("task") == FOLD_BATCH
    if not is_batch or message.delivery_info.get("redelivered"):
        return None
    try:
        _, kwargs, _ = message.payload
        return decode_batch(kwargs["message"])
    except (KombuError, KeyError, TypeError, ValueError):
        return None  # whose way alone says what is wrong with it
