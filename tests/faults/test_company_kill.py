"""P1, P2: ``kill -9`` while batches are folded together loses and doubles none."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import psutil
import psycopg
import pytest
from celery import Celery

from deploy.embedded.child import child_command
from ledger.db import Connection
from ledger.verify import verify_books
from schemas.batch_wire import encode_batch
from schemas.broker import celery_settings
from schemas.messages import FOLD_BATCH, USAGE_QUEUE
from tests.broker_settings import broker_environment, broker_settings
from tests.embedded_servers import BrokerServer
from tests.ledger_world import World, counter, make_message, make_world
from tests.rabbitmq_server import find_rabbitmq_server, running_rabbitmq
from tests.redis_consumer import held
from tests.waiting import wait_until

pytestmark = pytest.mark.faults

BATCHES = 600
SIZE = 10
KILLS = 4  # less than the deliveries that a batch may have
VISIBLE_SECONDS = "10"


@contextmanager
def running_worker(environment: Mapping[str, str]) -> Iterator[psutil.Process]:
    command = [sys.executable, "-m", "celery", "-A", "workers.app:app", "worker"]
    options = ["-Q", USAGE_QUEUE, "-n", "folder@test", "-c", "2"]
    worker = subprocess.Popen(
        child_command([*command, *options, "--without-gossip", "--without-mingle"]),
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield psutil.Process(worker.pid)
    finally:
        worker.kill()
        worker.wait(10)


def publish(broker_url: str, world: World) -> None:
    app = Celery("company-kill", set_as_current=False)
    app.conf.update(celery_settings(broker_settings(broker_url), consumer=False))
    for batch in range(BATCHES):
        names = [f"{batch}-{n}" for n in range(SIZE)]
        message = make_message(world, [counter(name, value="1.25") for name in names])
        app.send_task(FOLD_BATCH, kwargs={"message": encode_batch(message)})
    app.close()


def done(conn: Connection) -> int:
    conn.rollback()
    row = conn.execute("SELECT count(*) FROM batch WHERE state = 'done'").fetchone()
    assert row is not None
    return int(row[0])


def await_done(conn: Connection, wanted: int) -> None:
    wait_until(lambda: done(conn) >= wanted, f"{wanted} batches are done", 120)


def kill_and_finish(
    conn: Connection, database_url: str, broker_url: str, settled: Callable[[], bool]
) -> None:
    """Kill workers and pool processes by turns, then let one finish."""
    environment = broker_environment(
        broker_url,
        DATABASE_URL=database_url,
        FUSION_VISIBILITY_TIMEOUT_SECONDS=VISIBLE_SECONDS,
    )
    chance = random.Random(3)
    for kill in range(KILLS // 2):
        with running_worker(environment) as worker:
            await_done(conn, done(conn) + chance.randint(20, 60))
            victim = next(p for p in worker.children() if p.pid != os.getpid())
            victim.send_signal(signal.SIGKILL)
            await_done(conn, done(conn) + chance.randint(20, 60))
        assert done(conn) < BATCHES, f"nothing was left for kill {kill}"
    with running_worker(environment):
        await_done(conn, BATCHES)
        wait_until(settled, "everything is acknowledged", 60)


def assert_counted_once(conn: Connection, database_url: str, world: World) -> None:
    rows = conn.execute("SELECT quantity, counters, revision FROM rollup").fetchall()
    [(quantity, counters, revision)] = rows
    assert (quantity, counters) == (Decimal("1.25") * BATCHES * SIZE, BATCHES * SIZE)
    assert revision < BATCHES / 2  # they were folded together
    assert conn.execute("SELECT count(*) FROM dead_letter").fetchone() == (0,)
    with psycopg.connect(database_url) as fresh:
        (proof,) = verify_books(fresh, world.code)
    assert proof.mismatches == []


def test_over_redis(
    database_url: str, conn: Connection, own_redis: BrokerServer
) -> None:
    world = make_world(conn)
    publish(own_redis.url, world)

    url = own_redis.url
    kill_and_finish(conn, database_url, url, lambda: held(own_redis) == 0)

    assert_counted_once(conn, database_url, world)


@pytest.mark.skipif(find_rabbitmq_server() is None, reason="needs rabbitmq-server")
def test_over_rabbitmq(database_url: str, conn: Connection, tmp_path: Path) -> None:
    world = make_world(conn)
    with running_rabbitmq(tmp_path) as server:
        publish(server.url, world)

        kill_and_finish(conn, database_url, server.url, lambda: True)

    assert_counted_once(conn, database_url, world)
