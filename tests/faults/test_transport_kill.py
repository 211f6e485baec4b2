"""No message is lost on Redis, whoever is killed (promise P1)."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.broker import DEAD_LETTER_QUEUE
from schemas.messages import USAGE_QUEUE
from tests.append_run import (
    AppendWorker,
    Publisher,
    waits_for_all,
    waits_for_some,
)
from tests.embedded_servers import BrokerServer
from tests.waiting import wait_until

pytestmark = pytest.mark.faults

WORKER_KILLS = 6
LINES_A_ROUND = 150


@pytest.fixture
def worker(own_redis: BrokerServer, tmp_path: Path) -> Iterator[AppendWorker]:
    worker = AppendWorker(own_redis.url, tmp_path)
    try:
        yield worker
    finally:
        worker.kill()


@pytest.fixture
def publisher(own_redis: BrokerServer) -> Iterator[Publisher]:
    publisher = Publisher(own_redis.url)
    yield publisher
    publisher.close()


def held(own_redis: BrokerServer) -> int:
    with own_redis.client as client:
        return int(client.hlen("unacked"))


def test_killed_workers_lose_nothing(
    own_redis: BrokerServer, worker: AppendWorker, publisher: Publisher, tmp_path: Path
) -> None:
    held_at_death = 0
    for _ in range(WORKER_KILLS):
        publisher.publish(LINES_A_ROUND)
        worker.start()
        waits_for_some(tmp_path)
        worker.kill()
        held_at_death += held(own_redis)
    worker.start()
    waits_for_all(tmp_path, publisher)

    assert len(publisher.accepted) == WORKER_KILLS * LINES_A_ROUND
    assert held_at_death > 0  # the kills hit messages in work
    wait_until(lambda: held(own_redis) == 0, "everything is acknowledged")


def test_a_killed_and_restarted_broker_loses_nothing(
    own_redis: BrokerServer, worker: AppendWorker, publisher: Publisher, tmp_path: Path
) -> None:
    worker.start()
    for _ in range(2):
        publisher.publish(LINES_A_ROUND)
        waits_for_some(tmp_path)
        own_redis.kill()
        publisher.publish(1)
        own_redis.start()
    publisher.publish(LINES_A_ROUND)
    waits_for_all(tmp_path, publisher)

    assert publisher.refused == 2
    assert len(publisher.accepted) == 3 * LINES_A_ROUND
    wait_until(lambda: held(own_redis) == 0, "everything is acknowledged")


def test_a_frozen_idle_worker_that_dies_has_taken_nothing(
    own_redis: BrokerServer, worker: AppendWorker, publisher: Publisher, tmp_path: Path
) -> None:
    worker.start()
    publisher.publish(1)
    waits_for_all(tmp_path, publisher)
    wait_until(lambda: held(own_redis) == 0, "the worker is idle")

    worker.send_signal(signal.SIGSTOP)
    publisher.publish(1)
    with own_redis.client as client:
        assert (client.llen(USAGE_QUEUE), held(own_redis)) == (1, 0)
    worker.kill()
    worker.name = "another@test"
    worker.start()

    waits_for_all(tmp_path, publisher)


def test_what_a_worker_held_that_never_returns_goes_to_another(
    own_redis: BrokerServer, worker: AppendWorker, publisher: Publisher, tmp_path: Path
) -> None:
    publisher.publish(LINES_A_ROUND)
    worker.start()
    waits_for_some(tmp_path)
    worker.kill()
    assert held(own_redis) > 0
    worker.name = "another@test"
    worker.visibility_timeout_seconds = 5
    worker.start()

    waits_for_all(tmp_path, publisher)


def test_a_worker_goes_on_after_its_broker_was_frozen(
    own_redis: BrokerServer, worker: AppendWorker, publisher: Publisher, tmp_path: Path
) -> None:
    worker.start()
    publisher.publish(LINES_A_ROUND)
    waits_for_some(tmp_path)
    own_redis.send_signal(signal.SIGSTOP)
    publisher.publish(8)  # each waits for its timeout; so do the acknowledgements
    own_redis.send_signal(signal.SIGCONT)
    publisher.publish(LINES_A_ROUND)
    waits_for_all(tmp_path, publisher)

    assert publisher.refused == 8
    wait_until(lambda: held(own_redis) == 0, "everything is acknowledged")


def test_a_task_that_no_worker_knows_ends_in_the_dead_letters(
    own_redis: BrokerServer, worker: AppendWorker, publisher: Publisher
) -> None:
    publisher.app.send_task("workers.tasks.unknown", queue=USAGE_QUEUE)
    worker.start()

    with own_redis.client as client:
        wait_until(lambda: client.llen(DEAD_LETTER_QUEUE) == 1, "it is set aside")
        assert held(own_redis) == 0
