"""Celery's consumer, changed where it drops messages or declares what nobody uses."""

from typing import Any

from celery import bootsteps
from celery.utils.log import get_logger
from celery.worker import consumer

from schemas.broker import dead_letter_queue

logger = get_logger(__name__)

_CeleryConsumer: Any = consumer.Consumer  # its type stubs lack most of it
_CeleryBlueprint: Any = consumer.Consumer.Blueprint


class DeclareDeadLetters(bootsteps.StartStopStep):
    """RabbitMQ: the dead letters exist before a worker can make one.

    Runs at every reconnection, so a broker that lost its data gets them again.
    """

    requires = ("celery.worker.consumer.connection:Connection",)

    def include_if(self, parent: Any) -> bool:
        """Only RabbitMQ has something to declare."""
        driver = parent.app.connection_for_write().transport.driver_type
        return bool(driver == "amqp")

    def start(self, parent: Any) -> None:
        """Declare exchange, queue and binding; again is harmless."""
        with parent.connection.channel() as channel:
            dead_letter_queue()(channel).declare()


class Consumer(_CeleryConsumer):  # type: ignore[misc]  # see its stubs above
    """A consumer whose messages end applied or in the dead letters."""

    class Blueprint(_CeleryBlueprint):  # type: ignore[misc]  # likewise
        """Without delayed delivery: 28 quorum queues for what waits in PostgreSQL."""

        default_steps = [  # noqa: RUF012 - as Celery declares it
            *(
                step
                for step in _CeleryBlueprint.default_steps
                if "delayed_delivery" not in step
            ),
            DeclareDeadLetters,
        ]

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """Reject, hence dead-letter, what cannot be decoded. Celery acknowledges it."""
        logger.critical("cannot decode message: %s", type(exc).__name__)
        message.reject_log_error(logger, self.connection_errors)
