"""What the runner and the commands ask the broker, Redis or RabbitMQ."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from celery import Celery

from schemas.broker import DEAD_LETTER_QUEUE, PUBLISH_ERRORS, celery_settings
from schemas.settings import Settings

_PING_SECONDS = 0.5


class BrokerAway(OSError):
    """The broker does not answer, or not in time."""


def workers_answer(nodes: Sequence[str], settings: Settings) -> bool:
    """Whether all of these Celery workers answer a ping by way of the broker.

    ``celery inspect ping`` asks the same; its process alone takes a second to start.
    """
    try:
        with _connected(settings) as (app, connection):
            answers = app.control.broadcast(
                "ping",
                connection=connection,
                destination=list(nodes),
                reply=True,
                timeout=_PING_SECONDS,
                limit=len(nodes),
            )
    except BrokerAway:
        return False
    return set(nodes) <= {node for answer in answers or () for node in answer}


def count_dead_letters(settings: Settings) -> int:
    """Messages that the broker has set aside: no worker could take them at all.

    Raises BrokerAway.
    """
    with _connected(settings) as (_, connection):
        channel: Any = connection.default_channel  # the stubs lack its methods
        try:
            queue = channel.queue_declare(queue=DEAD_LETTER_QUEUE, passive=True)
        except connection.channel_errors:  # nothing was ever set aside
            return 0
    return int(queue.message_count)


@contextmanager
def _connected(settings: Settings) -> Iterator[tuple[Celery, Any]]:
    """An app of its own, as a publisher has it, and a connection to the broker."""
    app = Celery("fusion-billing-deploy", set_as_current=False)
    app.conf.update(celery_settings(settings, consumer=False))
    try:
        with app.connection_for_write() as connection:
            yield app, connection
    except PUBLISH_ERRORS as error:
        raise BrokerAway(str(error)) from error
