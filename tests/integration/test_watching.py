"""Remote control and Flower work beside the atomic transport."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.embedded.ports import free_port
from schemas.messages import FOLD_BATCH, USAGE_QUEUE
from tests.append_run import ROOT, AppendWorker, Publisher, appended
from tests.broker_settings import broker_environment
from tests.embedded_servers import BrokerServer
from tests.waiting import wait_until

CELERY = (sys.executable, "-m", "celery", "-A", "tests.append_worker:app")
FLOWER_AUTH = ("operator", "secret")


@pytest.fixture
def worker(own_redis: BrokerServer, tmp_path: Path) -> Iterator[AppendWorker]:
    worker = AppendWorker(own_redis.url, tmp_path)
    publisher = Publisher(own_redis.url)
    try:
        worker.start()
        publisher.publish(3)
        wait_until(lambda: len(appended(tmp_path)) == 3, "the worker works")
        yield worker
    finally:
        publisher.close()
        worker.kill()


@pytest.fixture
def flower(own_redis: BrokerServer, tmp_path: Path) -> Iterator[httpx.Client]:
    port = free_port(set())
    arguments = ["flower", "--address=127.0.0.1", f"--port={port}"]
    environment = os.environ | broker_environment(
        own_redis.url, FLOWER_BASIC_AUTH=":".join(FLOWER_AUTH)
    )
    with (tmp_path / "flower.log").open("ab") as log:
        process = subprocess.Popen(
            [*CELERY, *arguments], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", auth=FLOWER_AUTH, timeout=20
        ) as client:
            wait_until(lambda: _healthy(client), "Flower answers")
            yield client
    finally:
        process.kill()
        process.wait(timeout=10)


def _healthy(client: httpx.Client) -> bool:
    try:
        return client.get("/healthcheck").is_success
    except httpx.TransportError:
        return False


def test_inspect_reaches_the_worker(
    own_redis: BrokerServer, worker: AppendWorker
) -> None:
    result = subprocess.run(
        [*CELERY, "inspect", "ping", "--timeout=10", f"--destination={worker.name}"],
        cwd=ROOT,
        env=os.environ | broker_environment(own_redis.url),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert result.returncode == 0, result.stderr
    assert f"{worker.name}: OK" in result.stdout


def test_flower_shows_workers_queues_and_tasks(
    own_redis: BrokerServer, worker: AppendWorker, flower: httpx.Client, tmp_path: Path
) -> None:
    workers = flower.get("/api/workers", params={"refresh": "1"}).json()
    queues = flower.get("/api/queues/length").json()["active_queues"]

    assert list(workers) == [worker.name]
    assert queues == [{"name": USAGE_QUEUE, "messages": 0}]
    assert USAGE_QUEUE in flower.get("/broker").text

    publisher = Publisher(own_redis.url)
    publisher.publish_line("one-more")
    publisher.close()
    wait_until(lambda: bool(flower.get("/api/tasks").json()), "Flower saw the task")
    [task] = flower.get("/api/tasks").json().values()
    assert (task["name"], task["args"]) == (FOLD_BATCH, "-")
