"""What consumers on Redis leave behind: put back once, by whom, and when."""

import threading
from collections.abc import Callable

import pytest

from schemas.broker import DEAD_LETTER_QUEUE
from tests.embedded_servers import BrokerServer
from tests.redis_consumer import (
    INDEX,
    Received,
    consumer_connection,
    crash,
    held,
    length,
    publish,
)
from tests.waiting import wait_until


def test_closing_puts_back_what_was_not_acknowledged(own_redis: BrokerServer) -> None:
    for number in range(3):
        publish(own_redis, number)
    with consumer_connection(own_redis) as connection:
        received = Received(connection, prefetch=2)
        received.drain(2)
        received.messages[0].ack()

    assert (length(own_redis), held(own_redis)) == (2, 0)


def test_closing_puts_back_a_message_taken_but_not_read(
    own_redis: BrokerServer,
) -> None:
    publish(own_redis, 1)
    with consumer_connection(own_redis) as connection:
        Received(connection)
        connection.transport.cycle.on_poll_start()
        wait_until(lambda: held(own_redis) == 1, "the take")

    assert (length(own_redis), held(own_redis)) == (1, 0)


def test_acknowledging_after_the_connection_closed_is_a_connection_error(
    own_redis: BrokerServer,
) -> None:
    publish(own_redis, 1)
    publish(own_redis, 2)
    with consumer_connection(own_redis) as connection:
        received = Received(connection)
        received.drain(2)
        errors = connection.connection_errors
    for settle in (received.messages[0].ack, received.messages[1].requeue):
        with pytest.raises(errors, match="comes again"):
            settle()

    assert (length(own_redis), held(own_redis)) == (2, 0)


def test_a_restarted_worker_takes_back_what_it_held(own_redis: BrokerServer) -> None:
    for number in range(4):
        publish(own_redis, number)
    with (
        consumer_connection(own_redis) as dead,
        consumer_connection(own_redis, "b") as other,
    ):
        Received(dead, prefetch=2).drain(2)
        Received(other, prefetch=1).drain(1)
        crash(dead)
        with consumer_connection(own_redis) as restarted:
            received = Received(restarted)
            received.drain(3)

            assert received.bodies == [0, 1, 3]  # and first what was taken first
            assert held(own_redis) == 4


def test_a_name_that_begins_like_another_takes_nothing_of_it(
    own_redis: BrokerServer,
) -> None:
    publish(own_redis, 1)
    with consumer_connection(own_redis, "worker@one:b") as dead:
        Received(dead).drain(1)
        crash(dead)
        with consumer_connection(own_redis, "worker@one") as other:
            Received(other).drain_idle()

            assert (length(own_redis), held(own_redis)) == (0, 1)


def test_past_the_visibility_timeout_any_worker_gets_it_once(
    own_redis: BrokerServer,
) -> None:
    for number in range(20):
        publish(own_redis, number)
    with consumer_connection(own_redis) as dead:
        Received(dead).drain(20)
        crash(dead)
    with own_redis.client as client:
        for tag in client.zrange(INDEX, 0, -1):
            client.zincrby(INDEX, -91, tag)

    def sweep() -> None:
        with consumer_connection(own_redis, "sweeper") as connection:
            connection.default_channel.qos.restore_visible(num=None)

    run_at_once([sweep] * 4)
    assert (length(own_redis), held(own_redis)) == (20, 0)


def test_a_message_younger_than_the_visibility_timeout_stays(
    own_redis: BrokerServer,
) -> None:
    publish(own_redis, 1)
    with (
        consumer_connection(own_redis) as busy,
        consumer_connection(own_redis, "b") as other,
    ):
        Received(busy).drain(1)
        other.default_channel.qos.restore_visible(num=None)

        assert (length(own_redis), held(own_redis)) == (0, 1)


def test_an_acknowledged_message_cannot_be_put_back(own_redis: BrokerServer) -> None:
    publish(own_redis, 1)
    with consumer_connection(own_redis) as connection:
        received = Received(connection)
        received.drain(1)
        tag = received.messages[0].delivery_tag
        received.messages[0].ack()
        connection.default_channel.qos.restore_by_tag(tag)
        connection.default_channel.qos.bury(tag)

        assert (length(own_redis), length(own_redis, DEAD_LETTER_QUEUE)) == (0, 0)


def run_at_once(functions: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
