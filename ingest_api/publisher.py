"""Publishing batches, confirmed or not at all, and looking at how deep the queue is.

Each thread of the pool keeps a connection of its own and throws it away after any
error, so that a broker which comes back is found at the next try.
"""

import threading
from contextlib import suppress
from time import monotonic
from typing import Any, Final

import amqp.exceptions
from celery import Celery
from kombu.exceptions import ChannelError

from ingest_api.bounded import BoundedCalls, Unavailable
from schemas.batch_wire import encode_batch
from schemas.broker import PUBLISH_ERRORS, celery_settings
from schemas.messages import FOLD_BATCH, USAGE_QUEUE, BatchMessage
from schemas.settings import Settings

DEPTH_SECONDS: Final = 1.0
"""How old the known depth of the queue may be."""
KICK_SECONDS: Final = 1.0
KICK_EXPIRES_SECONDS: Final = 60

_NO_QUEUE: Final = (ChannelError, amqp.exceptions.NotFound)


class Publisher:
    """The process's way to the broker; connects at first use, hence after a fork."""

    def __init__(self, settings: Settings) -> None:
        self._celery = Celery("ingest", set_as_current=False)
        self._celery.conf.update(celery_settings(settings, consumer=False))
        self._calls = BoundedCalls("broker", settings.api_threads + 2, PUBLISH_ERRORS)
        self._kept = threading.local()
        self._producers: set[Any] = set()
        self._depth = 0
        self._depth_known_until = 0.0
        self._depth_lock = threading.Lock()

    def publish(self, message: BatchMessage, timeout_seconds: float) -> None:
        """Returns when the broker has confirmed that the batch is stored.

        Raises Unavailable otherwise; it may have been stored all the same.
        """
        self._calls.call(lambda: self._publish(message), timeout_seconds)

    def kick(self, task: str) -> None:
        """Have a task look for what is due now, rather than at its next turn.

        Never raises: the clock kicks it all the same.
        """
        with suppress(Unavailable):
            self._calls.call(lambda: self._kick(task), KICK_SECONDS)

    def queue_depth(self, timeout_seconds: float) -> int:
        """Batches waiting, as of DEPTH_SECONDS ago at most. Raises Unavailable."""
        if monotonic() < self._depth_known_until:
            return self._depth
        if self._depth_lock.acquire(blocking=False):
            try:
                self._depth = self._calls.call(self._read_depth, timeout_seconds)
                self._depth_known_until = monotonic() + DEPTH_SECONDS
            finally:
                self._depth_lock.release()
        return self._depth

    def close(self) -> None:
        """End threads and connections."""
        self._calls.close()
        for producer in list(self._producers):
            producer.__connection__.collect()

    def _publish(self, message: BatchMessage) -> None:
        counts = f"{len(message.counters)} of {message.received} counters"
        text = f"batch {message.batch_id}, service {message.service_id}, {counts}"
        try:
            self._celery.send_task(
                FOLD_BATCH,
                kwargs={"message": encode_batch(message)},
                task_id=message.batch_id,
                argsrepr="()",
                kwargsrepr=text,
                ignore_result=True,
                producer=self._producer(),
            )
        except PUBLISH_ERRORS:
            self._drop_connection()
            raise

    def _kick(self, task: str) -> None:
        try:
            self._celery.send_task(
                task,
                expires=KICK_EXPIRES_SECONDS,
                ignore_result=True,
                producer=self._producer(),
            )
        except PUBLISH_ERRORS:
            self._drop_connection()
            raise

    def _read_depth(self) -> int:
        try:
            channel = self._producer().channel
            return int(channel.queue_declare(USAGE_QUEUE, passive=True).message_count)
        except _NO_QUEUE:  # nothing was ever published; on AMQP this ends the channel
            self._drop_connection()
            return 0
        except PUBLISH_ERRORS:
            self._drop_connection()
            raise

    def _producer(self) -> Any:
        producer = getattr(self._kept, "producer", None)
        if producer is None:
            connection = self._celery.connection_for_write()
            producer = self._celery.amqp.Producer(connection, auto_declare=False)
            self._kept.producer = producer
            self._producers.add(producer)
        return producer

    def _drop_connection(self) -> None:
        producer = self._kept.producer
        self._kept.producer = None
        self._producers.discard(producer)
        # Without a word to the broker, which might not answer.
        producer.__connection__.collect()
