"""The atomic Redis transport against a real redis-server, one consumer at a time."""

import json
from queue import Empty

import pytest

from schemas.broker import DEAD_LETTER_QUEUE, PUBLISH_ERRORS
from tests.embedded_servers import BrokerServer
from tests.redis_consumer import (
    QUEUE,
    Received,
    consumer_connection,
    crash,
    held,
    length,
    publish,
)

OTHER_QUEUE = "odoo-sync"


def test_a_taken_message_is_held_until_it_is_acknowledged(
    own_redis: BrokerServer,
) -> None:
    publish(own_redis, {"n": 1})
    with consumer_connection(own_redis) as connection:
        received = Received(connection)
        received.drain(1)

        assert received.bodies == [{"n": 1}]
        assert received.messages[0].delivery_tag.startswith("worker@one:")
        assert (length(own_redis), held(own_redis)) == (0, 1)

        received.messages[0].ack()
        assert (length(own_redis), held(own_redis)) == (0, 0)


def test_a_large_body_without_base64_arrives_whole(own_redis: BrokerServer) -> None:
    body = {"counters": [[i, "é\u2028\x00]\"',", "0.0075", None] for i in range(4000)]}
    publish(own_redis, body)
    with consumer_connection(own_redis) as connection:
        received = Received(connection)
        received.drain(1)

        assert len(json.dumps(body)) > 100_000
        assert received.bodies == [body]
        received.messages[0].requeue()
        received.drain(2)
        assert received.bodies == [body, body]


def test_a_waiting_consumer_that_stops_holds_nothing(own_redis: BrokerServer) -> None:
    with consumer_connection(own_redis) as connection:
        received = Received(connection)
        received.drain_idle()
        cycle = connection.transport.cycle
        cycle.on_poll_start()
        while received.channel._waits_on is None:
            with pytest.raises(Empty):
                received.channel._brpop_read()
            cycle.on_poll_start()
        publish(own_redis, 1)  # wakes the wait; its answer is never read

        assert (length(own_redis), held(own_redis)) == (1, 0)
        crash(connection)
        assert (length(own_redis), held(own_redis)) == (1, 0)


def test_messages_of_one_queue_come_in_order(own_redis: BrokerServer) -> None:
    for number in range(20):
        publish(own_redis, number)
    with consumer_connection(own_redis) as connection:
        received = Received(connection)
        received.drain(20)

        assert received.bodies == list(range(20))


def test_a_busy_queue_does_not_starve_another(own_redis: BrokerServer) -> None:
    for number in range(20):
        publish(own_redis, number)
    for number in range(5):
        publish(own_redis, f"other {number}", OTHER_QUEUE)
    with consumer_connection(own_redis) as connection:
        received = Received(connection, (QUEUE, OTHER_QUEUE))
        received.drain(10)

        others = [body for body in received.bodies if isinstance(body, str)]
        assert len(others) == 5


def test_an_idle_consumer_of_several_queues_sees_each(own_redis: BrokerServer) -> None:
    queues = (QUEUE, OTHER_QUEUE, "webhook-kicks")
    with consumer_connection(own_redis) as connection:
        received = Received(connection, queues)
        received.drain_idle()
        for count, queue in enumerate(queues, start=1):
            publish(own_redis, queue, queue)
            received.drain(count)

        assert received.bodies == list(queues)


def test_prefetch_bounds_what_is_held(own_redis: BrokerServer) -> None:
    for number in range(5):
        publish(own_redis, number)
    with consumer_connection(own_redis) as connection:
        received = Received(connection, prefetch=2)
        received.drain(2)
        received.drain_idle()
        assert (length(own_redis), held(own_redis)) == (3, 2)

        received.messages[0].ack()
        received.drain(3)
        assert received.bodies == [0, 1, 2]


def test_without_acknowledgement_nothing_is_held(own_redis: BrokerServer) -> None:
    publish(own_redis, 1)
    publish(own_redis, 2)
    with consumer_connection(own_redis) as connection:
        received = Received(connection, no_ack=True)
        received.drain(2)

        assert (length(own_redis), held(own_redis)) == (0, 0)


def test_a_single_get_is_held_and_acknowledged(own_redis: BrokerServer) -> None:
    publish(own_redis, 1)
    publish(own_redis, 2)
    with consumer_connection(own_redis) as connection:
        channel = connection.default_channel
        first = channel.basic_get(QUEUE)
        assert held(own_redis) == 1
        first.ack()
        channel.basic_get(QUEUE, no_ack=True)

        assert (length(own_redis), held(own_redis)) == (0, 0)
        assert channel.basic_get(QUEUE) is None


def test_requeued_comes_again_marked_redelivered(own_redis: BrokerServer) -> None:
    publish(own_redis, 1)
    with consumer_connection(own_redis) as connection:
        received = Received(connection)
        received.drain(1)
        received.messages[0].requeue()
        received.drain(2)

        first, second = received.messages
        assert second.delivery_info["redelivered"] is True
        assert second.headers["redelivered"] is True
        assert first.delivery_tag != second.delivery_tag
        assert held(own_redis) == 1


def test_rejected_goes_to_the_dead_letters_as_it_came(own_redis: BrokerServer) -> None:
    publish(own_redis, {"n": [1]})
    with own_redis.client as client:
        [sent] = client.lrange(QUEUE, 0, -1)
    with consumer_connection(own_redis) as connection:
        received = Received(connection)
        received.drain(1)
        received.messages[0].reject()

        with own_redis.client as client:
            assert client.lrange(DEAD_LETTER_QUEUE, 0, -1) == [sent]
        assert (length(own_redis), held(own_redis)) == (0, 0)


@pytest.mark.parametrize("text", [b"{not json", b"\xff\xfe", b"[]", b'{"body": 1}'])
def test_unreadable_goes_to_the_dead_letters_and_the_next_is_taken(
    own_redis: BrokerServer, text: bytes
) -> None:
    with own_redis.client as client:
        client.lpush(QUEUE, text)
        publish(own_redis, 1)
        with consumer_connection(own_redis) as connection:
            received = Received(connection)
            received.drain(1)

            assert received.bodies == [1]
            assert client.lrange(DEAD_LETTER_QUEUE, 0, -1) == [text]
            assert held(own_redis) == 1


def test_a_consumer_empties_a_server_whose_memory_is_full(
    own_redis: BrokerServer,
) -> None:
    for number in range(3):
        publish(own_redis, number)
    with consumer_connection(own_redis) as connection, own_redis.client as client:
        received = Received(connection)
        client.config_set("maxmemory", 1)
        with pytest.raises(PUBLISH_ERRORS, match="maxmemory"):
            publish(own_redis, "refused")
        received.drain(1)
        received.messages[0].requeue()
        received.drain(4)
        for message in received.messages[1:]:
            message.ack()

        assert received.bodies == [0, 1, 2, 0]
        assert (length(own_redis), held(own_redis)) == (0, 0)
