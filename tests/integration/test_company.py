"""Batches that wait are folded with the one in hand; a poison ends alone (P1, P11)."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from celery import Celery
from kombu import Queue

from ledger.db import Connection
from ledger.rollups import rollups_of_service
from schemas.batch_wire import encode_batch
from schemas.broker import celery_settings
from schemas.messages import APPLY_PARKED, FOLD_BATCH, USAGE_QUEUE, BatchMessage
from tests.broker_settings import broker_settings
from tests.embedded_servers import BrokerServer
from tests.ledger_world import NOW, World, counter, make_message, make_world
from tests.rabbitmq_server import find_rabbitmq_server, running_rabbitmq
from tests.redis_consumer import held, length
from workers.company import Handed, fold_handed, fold_in_company
from workers.fold import Trouble, fold_message
from workers.redis_transport import register
from workers.waiting import WaitingBatches as Waiting

register()

TOO_LONG = "".join(chr(0x10000 + n * 977 % 0xFFFF) for n in range(900))


@contextmanager
def celery_app(broker_url: str, *, consumer: bool) -> Iterator[Celery]:
    app = Celery("company", set_as_current=False)
    app.conf.update(celery_settings(broker_settings(broker_url), consumer=consumer))
    try:
        yield app
    finally:
        app.close()


def publish(broker_url: str, messages: Sequence[BatchMessage]) -> None:
    """As the API does it."""
    with celery_app(broker_url, consumer=False) as app:
        for message in messages:
            app.send_task(FOLD_BATCH, kwargs={"message": encode_batch(message)})


@contextmanager
def waiting_batches(broker_url: str) -> Iterator[Waiting]:
    with celery_app(broker_url, consumer=True) as app:
        waiting = Waiting(app.connection_for_read)
        try:
            yield waiting
        finally:
            waiting.drop()


@pytest.fixture
def waiting(own_redis: BrokerServer) -> Iterator[Waiting]:
    with waiting_batches(own_redis.url) as waiting:
        yield waiting


def make_messages(world: World, count: int) -> list[BatchMessage]:
    return [make_message(world, [counter(f"t-{number}")]) for number in range(count)]


def fold(database_url: str, message: BatchMessage, waiting: Waiting) -> bool:
    return fold_in_company(
        database_url, encode_batch(message), message.batch_id, waiting, NOW
    )


def messages_of(app: Celery) -> Iterator[Any]:
    """Each message of the queue, until there is none."""
    with app.connection_for_read() as connection:
        queue: Any = Queue(USAGE_QUEUE)(connection.default_channel)
        while message := queue.get(accept=["json"]):
            yield message


def fold_what_is_left(database_url: str, broker_url: str) -> int:
    """The way of messages that come back: each alone. Returns how many there were."""
    folded = 0
    with celery_app(broker_url, consumer=True) as app:
        for message in messages_of(app):
            assert message.delivery_info["redelivered"]
            _, kwargs, _ = message.payload
            fold_message(database_url, kwargs["message"], "m", 3, NOW)
            message.ack()
            folded += 1
    return folded


def states(conn: Connection) -> dict[str, tuple[str, int]]:
    conn.rollback()
    return {
        str(batch_id): (state, deliveries)
        for batch_id, state, deliveries in conn.execute(
            "SELECT id, state, deliveries FROM batch"
        )
    }


def test_what_waits_is_folded_with_the_one_in_hand_and_acknowledged(
    database_url: str, conn: Connection, own_redis: BrokerServer, waiting: Waiting
) -> None:
    world, other = make_world(conn), make_world(conn)
    first, *others = [*make_messages(world, 4), *make_messages(other, 2)]
    publish(own_redis.url, others)

    assert fold(database_url, first, waiting)

    assert set(states(conn).values()) == {("done", 1)}
    assert len(states(conn)) == 6
    assert (length(own_redis), held(own_redis)) == (0, 0)
    [rollup] = rollups_of_service(conn, world.service_id)
    assert (rollup.counters, rollup.revision) == (4, 1)


def test_with_nothing_waiting_the_one_in_hand_is_left_for_the_way_alone(
    database_url: str, conn: Connection, waiting: Waiting
) -> None:
    [first] = make_messages(make_world(conn), 1)

    assert not fold(database_url, first, waiting)

    assert states(conn) == {}


def test_a_large_batch_keeps_no_company(
    database_url: str, conn: Connection, own_redis: BrokerServer, waiting: Waiting
) -> None:
    world = make_world(conn)
    large = make_message(world, [counter(f"x-{number}") for number in range(2_000)])
    publish(own_redis.url, make_messages(world, 1))

    assert not fold(database_url, large, waiting)

    assert (length(own_redis), held(own_redis)) == (1, 0)


def test_a_poison_among_companions_ends_in_the_dead_letters_alone(
    database_url: str, conn: Connection, own_redis: BrokerServer, waiting: Waiting
) -> None:
    world = make_world(conn)
    first, *others = make_messages(world, 5)
    poison = make_message(world, [counter(TOO_LONG, code="unknown")])
    publish(own_redis.url, [*others[:2], poison, *others[2:]])

    together = fold(database_url, first, waiting)
    counted = states(conn)
    fold_message(database_url, encode_batch(first), "m", 3, NOW)
    came_back = fold_what_is_left(database_url, own_redis.url)

    assert not together
    assert set(counted.values()) == {("processing", 0)}
    assert came_back == 5
    letters = conn.execute("SELECT source_id, reason, attempts FROM dead_letter")
    assert letters.fetchall() == [(poison.batch_id, "data_refused", 1)]
    expected = dict.fromkeys((m.batch_id for m in [first, *others]), ("done", 1))
    assert states(conn) == {**expected, poison.batch_id: ("dead", 1)}


def test_trouble_with_the_database_counts_against_nobody(
    database_url: str, conn: Connection, own_redis: BrokerServer, waiting: Waiting
) -> None:
    first, *others = make_messages(make_world(conn), 3)
    publish(own_redis.url, others)
    with psycopg.connect(database_url) as busy:
        busy.execute("LOCK TABLE counter")
        with pytest.raises(Trouble):
            fold(database_url, first, waiting)

    assert set(states(conn).values()) == {("processing", 0)}
    assert (length(own_redis), held(own_redis)) == (2, 0)


def test_a_message_that_came_back_keeps_no_company(
    database_url: str, conn: Connection, own_redis: BrokerServer, waiting: Waiting
) -> None:
    first, back, behind = make_messages(make_world(conn), 3)
    publish(own_redis.url, [back, behind])
    with celery_app(own_redis.url, consumer=True) as app:
        for _ in messages_of(app):
            break  # unacknowledged

    assert not fold(database_url, first, waiting)

    assert (length(own_redis), held(own_redis)) == (2, 0)
    assert states(conn) == {}


@pytest.mark.parametrize(("again", "limit"), [(True, "5"), (False, "1")])
def test_a_delivery_that_is_not_the_first_of_several_is_folded_alone(
    again: bool,
    limit: str,
    database_url: str,
    conn: Connection,
    own_redis: BrokerServer,
    waiting: Waiting,
) -> None:
    first, behind = make_messages(make_world(conn), 2)
    publish(own_redis.url, [behind])
    more = {"DATABASE_URL": database_url, "FUSION_MAX_DELIVERIES": limit}
    settings = broker_settings(own_redis.url, **more)

    fold_handed(settings, Handed(encode_batch(first), "m", again), waiting, NOW)

    assert states(conn) == {first.batch_id: ("done", 1)}
    assert length(own_redis) == 1


def test_another_task_in_the_queue_is_left_to_celery(
    database_url: str, conn: Connection, own_redis: BrokerServer, waiting: Waiting
) -> None:
    first, second, third = make_messages(make_world(conn), 3)
    publish(own_redis.url, [second])
    with celery_app(own_redis.url, consumer=False) as app:
        app.send_task(APPLY_PARKED)
    publish(own_redis.url, [third])

    assert fold(database_url, first, waiting)

    assert (length(own_redis), held(own_redis)) == (2, 0)
    assert set(states(conn)) == {first.batch_id, second.batch_id}
    with celery_app(own_redis.url, consumer=True) as app:
        tasks = [message.headers["task"] for message in messages_of(app)]
    assert tasks == [APPLY_PARKED, FOLD_BATCH]  # what was put back comes first


def test_a_batch_that_was_delivered_twice_goes_alone(
    database_url: str, conn: Connection, own_redis: BrokerServer, waiting: Waiting
) -> None:
    first, again = make_messages(make_world(conn), 2)
    fold_message(database_url, encode_batch(again), "m", 3, NOW)
    publish(own_redis.url, [again])

    assert not fold(database_url, first, waiting)

    assert (length(own_redis), held(own_redis)) == (1, 0)
    assert states(conn)[first.batch_id] == ("processing", 0)


def test_a_broker_that_is_away_costs_the_company_and_not_the_batch(
    database_url: str, conn: Connection, own_redis: BrokerServer, waiting: Waiting
) -> None:
    world = make_world(conn)
    first, second, third = make_messages(world, 3)
    publish(own_redis.url, [second])
    assert fold(database_url, first, waiting)
    own_redis.kill()

    assert not fold(database_url, third, waiting)

    own_redis.start()
    publish(own_redis.url, make_messages(world, 1))
    assert fold(database_url, third, waiting)


def test_a_broker_that_freezes_before_the_acknowledgement_doubles_nothing(
    database_url: str, conn: Connection, own_redis: BrokerServer, waiting: Waiting
) -> None:
    first, second = make_messages(make_world(conn), 2)
    publish(own_redis.url, [second])
    companions = waiting.take(1)
    own_redis.send_signal(signal.SIGSTOP)
    waiting.settle(companions, {second.batch_id})
    own_redis.send_signal(signal.SIGCONT)

    assert not fold(database_url, first, waiting)

    assert [companion.batch for companion in companions] == [second]
    # Acknowledged late, or held until the visibility timeout: never in two places.
    assert length(own_redis) + held(own_redis) <= 1


@pytest.mark.skipif(find_rabbitmq_server() is None, reason="needs rabbitmq-server")
def test_over_rabbitmq_the_same(
    database_url: str, conn: Connection, tmp_path: Path
) -> None:
    world = make_world(conn)
    first, *others = make_messages(world, 5)
    poison = make_message(world, [counter(TOO_LONG, code="unknown")])
    last, *more = [make_message(world, [counter(f"u-{n}")]) for n in range(3)]
    with running_rabbitmq(tmp_path) as server, waiting_batches(server.url) as waiting:
        publish(server.url, others)
        assert fold(database_url, first, waiting)
        publish(server.url, [*more, poison])
        assert not fold(database_url, last, waiting)
        assert fold_what_is_left(database_url, server.url) == 3

    assert states(conn)[poison.batch_id] == ("dead", 1)
    done = [*others, first, *more]
    assert {states(conn)[message.batch_id] for message in done} == {("done", 1)}
