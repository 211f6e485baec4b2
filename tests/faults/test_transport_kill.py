"""No message is lost on Redis, whoever is killed (promise P1)."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.broker import DEAD_LETTER_QUEUE
from schemas.messages import USAGE_QUEUE
from tests.append_run import AppendWorker, Publisher, appended
from tests.redis_server import RedisServer, running_redis
from tests.waiting import wait_until

pytestmark = pytest.mark.faults

WORKER_KILLS = 6
LINES_A_ROUND = 150


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path) as server:
        yield server


@pytest.fixture
def worker(server: RedisServer, tmp_path: Path) -> Iterator[AppendWorker]:
    worker = AppendWorker(server.url, tmp_path)
    try:
        yield worker
    finally:
        worker.kill()


@pytest.fixture
def publisher(server: RedisServer) -> Iterator[Publisher]:
    publisher = Publisher(server.url)
    yield publisher
    publisher.close()


def held(server: RedisServer) -> int:
    with server.client as client:
        return int(client.hlen("unacked"))


def waits_for_some(directory: Path) -> None:
    before = len(appended(directory))
    wait_until(lambda: len(appended(directory)) > before + 20, "some work")


def waits_for_all(directory: Path, publisher: Publisher) -> None:
    wait_until(
        lambda: set(publisher.accepted) <= set(appended(directory)),
        "every accepted line is written",
        timeout_seconds=60,
    )


def test_killed_workers_lose_nothing(
    server: RedisServer, worker: AppendWorker, publisher: Publisher, tmp_path: Path
) -> None:
    held_at_death = 0
    for _ in range(WORKER_KILLS):
        publisher.publish(LINES_A_ROUND)
        worker.start()
        waits_for_some(tmp_path)
        worker.kill()
        held_at_death += held(server)
    worker.start()
    waits_for_all(tmp_path, publisher)

    assert len(publisher.accepted) == WORKER_KILLS * LINES_A_ROUND
    assert held_at_death > 0  # the kills hit messages in work
    wait_until(lambda: held(server) == 0, "everything is acknowledged")


def test_a_killed_and_restarted_broker_loses_nothing(
    server: RedisServer, worker: AppendWorker, publisher: Publisher, tmp_path: Path
) -> None:
    worker.start()
    for _ in range(2):
        publisher.publish(LINES_A_ROUND)
        waits_for_some(tmp_path)
        server.kill()
        publisher.publish(1)
        server.start()
    publisher.publish(LINES_A_ROUND)
    waits_for_all(tmp_path, publisher)

    assert publisher.refused == 2
    assert len(publisher.accepted) == 3 * LINES_A_ROUND
    wait_until(lambda: held(server) == 0, "everything is acknowledged")


def test_a_frozen_idle_worker_that_dies_has_taken_nothing(
    server: RedisServer, worker: AppendWorker, publisher: Publisher, tmp_path: Path
) -> None:
    worker.start()
    publisher.publish(1)
    waits_for_all(tmp_path, publisher)
    wait_until(lambda: held(server) == 0, "the worker is idle")

    worker.send_signal(signal.SIGSTOP)
    publisher.publish(1)
    with server.client as client:
        assert (client.llen(USAGE_QUEUE), held(server)) == (1, 0)
    worker.kill()
    worker.name = "another@test"
    worker.start()

    waits_for_all(tmp_path, publisher)


def test_what_a_worker_held_that_never_returns_goes_to_another(
    server: RedisServer, worker: AppendWorker, publisher: Publisher, tmp_path: Path
) -> None:
    publisher.publish(LINES_A_ROUND)
    worker.start()
    waits_for_some(tmp_path)
    worker.kill()
    assert held(server) > 0
    worker.name = "another@test"
    worker.visibility_timeout_seconds = 5
    worker.start()

    waits_for_all(tmp_path, publisher)


def test_a_worker_goes_on_after_its_broker_was_frozen(
    server: RedisServer, worker: AppendWorker, publisher: Publisher, tmp_path: Path
) -> None:
    worker.start()
    publisher.publish(LINES_A_ROUND)
    waits_for_some(tmp_path)
    server.send_signal(signal.SIGSTOP)
    publisher.publish(8)  # each waits for its timeout; so do the acknowledgements
    server.send_signal(signal.SIGCONT)
    publisher.publish(LINES_A_ROUND)
    waits_for_all(tmp_path, publisher)

    assert publisher.refused == 8
    wait_until(lambda: held(server) == 0, "everything is acknowledged")


def test_a_task_that_no_worker_knows_ends_in_the_dead_letters(
    server: RedisServer, worker: AppendWorker, publisher: Publisher
) -> None:
    publisher.app.send_task("workers.tasks.unknown", queue=USAGE_QUEUE)
    worker.start()

    with server.client as client:
        wait_until(lambda: client.llen(DEAD_LETTER_QUEUE) == 1, "it is set aside")
        assert held(server) == 0
