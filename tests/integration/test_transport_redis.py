"""The atomic Redis transport against a real redis-server, one consumer at a time."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection, Consumer, Queue

from schemas.broker import (
    DEAD_LETTER_QUEUE,
    PUBLISH_ERRORS,
    atomic_url,
    celery_settings,
)
from tests.broker_settings import broker_settings
from tests.redis_server import RedisServer, running_redis
from tests.waiting import wait_until
from workers.redis_transport import register

register()

QUEUE = "usage-batches"
OTHER_QUEUE = "odoo-sync"
UNACKED = "unacked"
INDEX = "unacked_index"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path) as server:
        yield server


def options(server: RedisServer, *, consumer: bool, **more: Any) -> dict[str, Any]:
    settings = celery_settings(broker_settings(server.url), consumer=consumer)
    return {**settings["broker_transport_options"], **more}


def publish(server: RedisServer, body: Any, queue: str = QUEUE) -> None:
    """As the API does it: kombu's own transport."""
    with Connection(
        server.url, transport_options=options(server, consumer=False)
    ) as connection:
        connection.Producer().publish(body, routing_key=queue, serializer="json")


@contextmanager
def consumer_connection(
    server: RedisServer, name: str = "worker@one", **more: Any
) -> Iterator[Any]:
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


def held(server: RedisServer) -> int:
    with server.client as client:
        assert client.hlen(UNACKED) == client.zcard(INDEX)
        return int(client.hlen(UNACKED))


def length(server: RedisServer, queue: str = QUEUE) -> int:
    with server.client as client:
        return int(client.llen(queue))


def test_a_taken_message_is_held_until_it_is_acknowledged(server: RedisServer) -> None:
    publish(server, {"n": 1})
    with consumer_connection(server) as connection:
        received = Received(connection)
        received.drain(1)

        assert received.bodies == [{"n": 1}]
        assert received.messages[0].delivery_tag.startswith("worker@one:")
        assert (length(server), held(server)) == (0, 1)

        received.messages[0].ack()
        assert (length(server), held(server)) == (0, 0)


def test_a_large_body_without_base64_arrives_whole(server: RedisServer) -> None:
    body = {"counters": [[i, "é\u2028\x00]\"',", "0.0075", None] for i in range(4000)]}
    publish(server, body)
    with consumer_connection(server) as connection:
        received = Received(connection)
        received.drain(1)

        assert len(json.dumps(body)) > 100_000
        assert received.bodies == [body]
        received.messages[0].requeue()
        received.drain(2)
        assert received.bodies == [body, body]


def test_a_waiting_consumer_that_stops_holds_nothing(server: RedisServer) -> None:
    with consumer_connection(server) as connection:
        received = Received(connection)
        received.drain_idle()
        cycle = connection.transport.cycle
        cycle.on_poll_start()
        while received.channel._waits_on is None:
            with pytest.raises(Empty):
                received.channel._brpop_read()
            cycle.on_poll_start()
        publish(server, 1)  # wakes the wait; its answer is never read

        assert (length(server), held(server)) == (1, 0)
        crash(connection)
        assert (length(server), held(server)) == (1, 0)


def test_messages_of_one_queue_come_in_order(server: RedisServer) -> None:
    for number in range(20):
        publish(server, number)
    with consumer_connection(server) as connection:
        received = Received(connection)
        received.drain(20)

        assert received.bodies == list(range(20))


def test_a_busy_queue_does_not_starve_another(server: RedisServer) -> None:
    for number in range(20):
        publish(server, number)
    for number in range(5):
        publish(server, f"other {number}", OTHER_QUEUE)
    with consumer_connection(server) as connection:
        received = Received(connection, (QUEUE, OTHER_QUEUE))
        received.drain(10)

        others = [body for body in received.bodies if isinstance(body, str)]
        assert len(others) == 5


def test_an_idle_consumer_of_several_queues_sees_each(server: RedisServer) -> None:
    queues = (QUEUE, OTHER_QUEUE, "webhook-kicks")
    with consumer_connection(server) as connection:
        received = Received(connection, queues)
        received.drain_idle()
        for count, queue in enumerate(queues, start=1):
            publish(server, queue, queue)
            received.drain(count)

        assert received.bodies == list(queues)


def test_prefetch_bounds_what_is_held(server: RedisServer) -> None:
    for number in range(5):
        publish(server, number)
    with consumer_connection(server) as connection:
        received = Received(connection, prefetch=2)
        received.drain(2)
        received.drain_idle()
        assert (length(server), held(server)) == (3, 2)

        received.messages[0].ack()
        received.drain(3)
        assert received.bodies == [0, 1, 2]


def test_without_acknowledgement_nothing_is_held(server: RedisServer) -> None:
    publish(server, 1)
    publish(server, 2)
    with consumer_connection(server) as connection:
        received = Received(connection, no_ack=True)
        received.drain(2)

        assert (length(server), held(server)) == (0, 0)


def test_a_single_get_is_held_and_acknowledged(server: RedisServer) -> None:
    publish(server, 1)
    publish(server, 2)
    with consumer_connection(server) as connection:
        channel = connection.default_channel
        first = channel.basic_get(QUEUE)
        assert held(server) == 1
        first.ack()
        channel.basic_get(QUEUE, no_ack=True)

        assert (length(server), held(server)) == (0, 0)
        assert channel.basic_get(QUEUE) is None


def test_requeued_comes_again_marked_redelivered(server: RedisServer) -> None:
    publish(server, 1)
    with consumer_connection(server) as connection:
        received = Received(connection)
        received.drain(1)
        received.messages[0].requeue()
        received.drain(2)

        first, second = received.messages
        assert second.delivery_info["redelivered"] is True
        assert second.headers["redelivered"] is True
        assert first.delivery_tag != second.delivery_tag
        assert held(server) == 1


def test_rejected_goes_to_the_dead_letters_as_it_came(server: RedisServer) -> None:
    publish(server, {"n": [1]})
    with server.client as client:
        [sent] = client.lrange(QUEUE, 0, -1)
    with consumer_connection(server) as connection:
        received = Received(connection)
        received.drain(1)
        received.messages[0].reject()

        with server.client as client:
            assert client.lrange(DEAD_LETTER_QUEUE, 0, -1) == [sent]
        assert (length(server), held(server)) == (0, 0)


@pytest.mark.parametrize("text", [b"{not json", b"\xff\xfe", b"[]", b'{"body": 1}'])
def test_unreadable_goes_to_the_dead_letters_and_the_next_is_taken(
    server: RedisServer, text: bytes
) -> None:
    with server.client as client:
        client.lpush(QUEUE, text)
        publish(server, 1)
        with consumer_connection(server) as connection:
            received = Received(connection)
            received.drain(1)

            assert received.bodies == [1]
            assert client.lrange(DEAD_LETTER_QUEUE, 0, -1) == [text]
            assert held(server) == 1


def test_closing_puts_back_what_was_not_acknowledged(server: RedisServer) -> None:
    for number in range(3):
        publish(server, number)
    with consumer_connection(server) as connection:
        received = Received(connection, prefetch=2)
        received.drain(2)
        received.messages[0].ack()

    assert (length(server), held(server)) == (2, 0)


def test_closing_puts_back_a_message_taken_but_not_read(server: RedisServer) -> None:
    publish(server, 1)
    with consumer_connection(server) as connection:
        Received(connection)
        connection.transport.cycle.on_poll_start()
        wait_until(lambda: held(server) == 1, "the take")

    assert (length(server), held(server)) == (1, 0)


def test_acknowledging_after_the_connection_closed_is_a_connection_error(
    server: RedisServer,
) -> None:
    publish(server, 1)
    publish(server, 2)
    with consumer_connection(server) as connection:
        received = Received(connection)
        received.drain(2)
        errors = connection.connection_errors
    for settle in (received.messages[0].ack, received.messages[1].requeue):
        with pytest.raises(errors, match="comes again"):
            settle()

    assert (length(server), held(server)) == (2, 0)


def test_a_restarted_worker_takes_back_what_it_held(server: RedisServer) -> None:
    for number in range(4):
        publish(server, number)
    with consumer_connection(server) as dead, consumer_connection(server, "b") as other:
        Received(dead, prefetch=2).drain(2)
        Received(other, prefetch=1).drain(1)
        crash(dead)
        with consumer_connection(server) as restarted:
            received = Received(restarted)
            received.drain(3)

            assert received.bodies == [0, 1, 3]  # and first what was taken first
            assert held(server) == 4


def test_a_name_that_begins_like_another_takes_nothing_of_it(
    server: RedisServer,
) -> None:
    publish(server, 1)
    with consumer_connection(server, "worker@one:b") as dead:
        Received(dead).drain(1)
        crash(dead)
        with consumer_connection(server, "worker@one") as other:
            Received(other).drain_idle()

            assert (length(server), held(server)) == (0, 1)


def test_past_the_visibility_timeout_any_worker_gets_it_once(
    server: RedisServer,
) -> None:
    for number in range(20):
        publish(server, number)
    with consumer_connection(server) as dead:
        Received(dead).drain(20)
        crash(dead)
    with server.client as client:
        for tag in client.zrange(INDEX, 0, -1):
            client.zincrby(INDEX, -91, tag)

    def sweep() -> None:
        with consumer_connection(server, "sweeper") as connection:
            connection.default_channel.qos.restore_visible(num=None)

    run_at_once([sweep] * 4)
    assert (length(server), held(server)) == (20, 0)


def test_a_message_younger_than_the_visibility_timeout_stays(
    server: RedisServer,
) -> None:
    publish(server, 1)
    with consumer_connection(server) as busy, consumer_connection(server, "b") as other:
        Received(busy).drain(1)
        other.default_channel.qos.restore_visible(num=None)

        assert (length(server), held(server)) == (0, 1)


def test_an_acknowledged_message_cannot_be_put_back(server: RedisServer) -> None:
    publish(server, 1)
    with consumer_connection(server) as connection:
        received = Received(connection)
        received.drain(1)
        tag = received.messages[0].delivery_tag
        received.messages[0].ack()
        connection.default_channel.qos.restore_by_tag(tag)
        connection.default_channel.qos.bury(tag)

        assert (length(server), length(server, DEAD_LETTER_QUEUE)) == (0, 0)


def test_a_consumer_empties_a_server_whose_memory_is_full(server: RedisServer) -> None:
    for number in range(3):
        publish(server, number)
    with consumer_connection(server) as connection, server.client as client:
        received = Received(connection)
        client.config_set("maxmemory", 1)
        with pytest.raises(PUBLISH_ERRORS, match="maxmemory"):
            publish(server, "refused")
        received.drain(1)
        received.messages[0].requeue()
        received.drain(4)
        for message in received.messages[1:]:
            message.ack()

        assert received.bodies == [0, 1, 2, 0]
        assert (length(server), held(server)) == (0, 0)


def run_at_once(functions: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
