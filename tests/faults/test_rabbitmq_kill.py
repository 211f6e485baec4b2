"""No message is lost on RabbitMQ, and the broker itself stops a poison (P1, P11)."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import amqp.exceptions
import pytest

from schemas.broker import (
    DEAD_LETTER_QUEUE,
    PUBLISH_ERRORS,
    dead_letter_queue,
    task_queues,
)
from schemas.messages import FOLD_BATCH, ODOO_QUEUE, PUSH_ROLLUPS, USAGE_QUEUE
from tests.append_run import (
    AppendWorker,
    Publisher,
    waits_for_all,
    waits_for_some,
)
from tests.append_settings import DELIVERY_LIMIT, POISON
from tests.broker_settings import broker_settings
from tests.rabbitmq_server import RabbitMQServer, find_rabbitmq_server, running_rabbitmq
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(
        find_rabbitmq_server() is None, reason="rabbitmq-server is not installed"
    ),
]

WORKER_KILLS = 3
LINES_A_ROUND = 150


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQServer]:
    with running_rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as server:
        yield server


@pytest.fixture
def publisher(server: RabbitMQServer) -> Iterator[Publisher]:
    publisher = Publisher(server.url)
    publisher.publish(1)  # declares the queue
    for queue in (USAGE_QUEUE, DEAD_LETTER_QUEUE):
        purge(server, queue)
    publisher.accepted.clear()
    yield publisher
    publisher.close()


@pytest.fixture
def worker(server: RabbitMQServer, tmp_path: Path) -> Iterator[AppendWorker]:
    worker = AppendWorker(server.url, tmp_path)
    try:
        yield worker
    finally:
        worker.kill()


def depth(server: RabbitMQServer, queue: str) -> int:
    """Messages ready in the queue; 0 when no worker has declared it yet."""
    with server.channel() as channel, suppress(amqp.exceptions.NotFound):
        return int(channel.queue_declare(queue, passive=True).message_count)
    return 0


def purge(server: RabbitMQServer, queue: str) -> None:
    with server.channel() as channel, suppress(amqp.exceptions.NotFound):
        channel.queue_purge(queue)


def test_the_queue_is_a_quorum_queue_and_stores_what_it_confirmed(
    server: RabbitMQServer, publisher: Publisher
) -> None:
    publisher.publish(3)

    wait_until(lambda: depth(server, USAGE_QUEUE) == 3, "all three are stored")
    [queue] = [
        queue
        for queue in task_queues(broker_settings(server.url))
        if queue.name == USAGE_QUEUE
    ]
    different = {
        **(queue.queue_arguments or {}),
        "x-delivery-limit": DELIVERY_LIMIT + 1,
    }
    with (
        server.channel() as channel,
        pytest.raises(amqp.exceptions.PreconditionFailed, match="x-delivery-limit"),
    ):
        channel.queue_declare(
            USAGE_QUEUE, durable=True, auto_delete=False, arguments=different
        )


def test_a_message_to_a_deleted_queue_is_an_error(
    server: RabbitMQServer, publisher: Publisher
) -> None:
    publisher.app.send_task(PUSH_ROLLUPS)
    with server.channel() as channel:
        channel.queue_delete(ODOO_QUEUE)

    with pytest.raises(PUBLISH_ERRORS, match="NO_ROUTE"):
        publisher.app.send_task(PUSH_ROLLUPS)


def test_killed_workers_lose_nothing(
    worker: AppendWorker, publisher: Publisher, tmp_path: Path
) -> None:
    for _ in range(WORKER_KILLS):
        publisher.publish(LINES_A_ROUND)
        worker.start()
        waits_for_some(tmp_path)
        worker.kill()
    worker.start()
    waits_for_all(tmp_path, publisher)

    assert len(publisher.accepted) == WORKER_KILLS * LINES_A_ROUND


def test_a_killed_and_restarted_broker_loses_nothing(tmp_path: Path) -> None:
    with running_rabbitmq(tmp_path) as server:  # its own, for it is not left intact
        publisher = Publisher(server.url)
        server.settle([*publisher.app.conf.task_queues, dead_letter_queue()])
        worker = AppendWorker(server.url, tmp_path)
        try:
            worker.start()
            publisher.publish(LINES_A_ROUND)
            waits_for_some(tmp_path)
            server.kill()
            publisher.publish(1)
            server.start()
            wait_until(lambda: accepts(publisher), "the queue takes messages again")
            waits_for_all(tmp_path, publisher)
        finally:
            worker.kill()
            publisher.close()

        assert publisher.refused > 0
        assert len(publisher.accepted) > LINES_A_ROUND


def accepts(publisher: Publisher) -> bool:
    before = len(publisher.accepted)
    publisher.publish(1)
    return len(publisher.accepted) > before


def test_a_poison_ends_in_the_dead_letters_and_holds_up_nothing(
    server: RabbitMQServer, worker: AppendWorker, publisher: Publisher, tmp_path: Path
) -> None:
    publisher.app.send_task(FOLD_BATCH, args=[POISON])
    publisher.publish(20)
    worker.start()
    waits_for_all(tmp_path, publisher)

    wait_until(lambda: depth(server, DEAD_LETTER_QUEUE) == 1, "the poison is set aside")
    assert depth(server, USAGE_QUEUE) == 0


def test_a_task_that_no_worker_knows_ends_in_the_dead_letters(
    server: RabbitMQServer, worker: AppendWorker, publisher: Publisher
) -> None:
    publisher.app.send_task("workers.tasks.unknown", queue=USAGE_QUEUE)
    worker.start()

    wait_until(lambda: depth(server, DEAD_LETTER_QUEUE) == 1, "it is set aside")
