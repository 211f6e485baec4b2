"""Consuming from a real Redis through the atomic transport, seen from outside."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from kombu import Connection, Consumer, Queue

from schemas.broker import atomic_url, celery_settings
from tests.broker_settings import broker_settings
from tests.embedded_servers import BrokerServer
from tests.waiting import wait_until
from workers.redis_transport import register

register()

QUEUE = "usage-batches"
UNACKED = "unacked"
INDEX = "unacked_index"


def options(server: BrokerServer, *, consumer: bool, **more: Any) -> dict[str, Any]:
    settings = celery_settings(broker_settings(server.url), consumer=consumer)
    return {**settings["broker_transport_options"], **more}


def publish(server: BrokerServer, body: Any, queue: str = QUEUE) -> None:
    """As the API does it: kombu's own transport."""
    with Connection(
        server.url, transport_options=options(server, consumer=False)
    ) as connection:
        connection.Producer().publish(body, routing_key=queue, serializer="json")


@contextmanager
def consumer_connection(
    server: BrokerServer, name: str = "worker@one", **more: Any
) -> Iterator[Any]:
    """A worker's connection, under the name of a node."""
    connection = Connection(
        atomic_url(server.url),
        transport_options=options(server, consumer=True, consumer_name=name, **more),
    )
    try:
        yield connection
    finally:
        connection.close()


class Received:
    """Consumes queues over one channel and keeps what came."""

    def __init__(
        self,
        connection: Connection,
        queues: tuple[str, ...] = (QUEUE,),
        no_ack: bool = False,
        prefetch: int = 0,
    ) -> None:
        self.connection = connection
        self.messages: list[Any] = []
        self.channel: Any = connection.default_channel
        self.consumer = Consumer(
            self.channel,
            queues=[Queue(name, routing_key=name) for name in queues],
            on_message=self.messages.append,
            no_ack=no_ack,
        )
        if prefetch:
            self.consumer.qos(prefetch_count=prefetch)
        self.consumer.consume()

    @property
    def bodies(self) -> list[Any]:
        return [message.payload for message in self.messages]

    def drain(self, count: int) -> None:
        """Until ``count`` messages came in all."""

        def enough() -> bool:
            if len(self.messages) < count:
                with suppress(TimeoutError):
                    self.connection.drain_events(timeout=0.2)
            return len(self.messages) >= count

        wait_until(enough, f"{count} messages")

    def drain_idle(self) -> None:
        """One round that is expected to bring nothing."""
        with pytest.raises(socket.timeout):
            self.connection.drain_events(timeout=0.3)


def crash(connection: Any) -> None:
    """Drop the sockets as a killed process does: nothing is put back."""
    channel = connection.default_channel
    channel.qos._on_collect.cancel()
    channel._disconnect_pools()
    channel.closed = True


def held(server: BrokerServer) -> int:
    """Messages taken and not acknowledged."""
    look = "return {redis.call('HLEN', KEYS[1]), redis.call('ZCARD', KEYS[2])}"
    with server.client as client:
        # In one look, since a worker may be acknowledging meanwhile; and in a script,
        # since a server that is full refuses to begin a transaction.
        messages, times = client.eval(look, 2, UNACKED, INDEX)
    assert messages == times
    return int(messages)


def length(server: BrokerServer, queue: str = QUEUE) -> int:
    """Messages waiting in the queue."""
    with server.client as client:
        return int(client.llen(queue))
