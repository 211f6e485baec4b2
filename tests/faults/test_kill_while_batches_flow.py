"""P1, P2: ``kill -9`` of any process while batches flow loses and doubles nothing."""

import os
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path

import psycopg
import pytest

from schemas.broker import dead_letter_queue, task_queues
from tests.app_client import App, make_app, numbered
from tests.broker_settings import broker_settings
from tests.embedded_servers import state_directory
from tests.rabbitmq_server import find_rabbitmq_server, running_rabbitmq
from tests.stack_process import RunningStack, running_stack
from tests.waiting import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

BATCH = 50
KILLS = 2
FAST_REDELIVERY = {"FUSION_VISIBILITY_TIMEOUT_SECONDS": "40"}


@contextmanager
def stack_of_its_own(environ: Mapping[str, str]) -> Iterator[RunningStack]:
    with (
        state_directory() as state,
        running_stack(state.root, {**os.environ, **environ}) as running,
    ):
        yield running


class Sender:
    """Pushes batches, each until its 202, until told to stop."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.accepted = 0
        self.failure: BaseException | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> "Sender":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def await_more(self, counters: int) -> None:
        """Return when so many more counters have been accepted."""
        wanted = self.accepted + counters
        wait_until(
            lambda: self.failure is not None or self.accepted >= wanted,
            "batches flow",
            120,
        )
        assert self.failure is None, self.failure

    def _send(self) -> None:
        number = 0
        try:
            while not self._done.is_set():
                batch = numbered("t", range(number, number + BATCH))
                self.app.push_until_accepted(batch, 120)
                number += BATCH
                self.accepted = number
        except BaseException as error:
            self.failure = error


def kill_while_sending(
    app: App, kill: Callable[[], int], is_back: Callable[[int], bool]
) -> int:
    """Kill a process a few times under load; returns how many counters were sent.

    ``kill`` answers the id that it ended, ``is_back`` whether another took its place.
    """
    chance = random.Random(7)
    with Sender(app) as sender:
        for _ in range(KILLS):
            sender.await_more(BATCH * chance.randint(4, 12))
            dead = kill()
            wait_until(partial(is_back, dead), "it comes back", 60)
        sender.await_more(BATCH * 4)
    assert sender.failure is None
    return sender.accepted


def quantity(database_url: str, service: str) -> tuple[Decimal, int]:
    with psycopg.connect(database_url) as conn:
        row = conn.execute(
            "SELECT coalesce(sum(quantity), 0), coalesce(sum(counters), 0)::bigint"
            " FROM rollup JOIN subscription b ON b.id = subscription_id"
            " JOIN service s ON s.id = b.service_id WHERE s.code = %s",
            (service,),
        ).fetchone()
    assert row is not None
    return row[0], row[1]


def assert_all_counted_once(stack: RunningStack, app: App, sent: int) -> None:
    url = stack.database_url

    def arrived() -> bool:
        try:
            return quantity(url, app.service)[1] >= sent
        except psycopg.OperationalError:
            return False  # it still recovers

    wait_until(arrived, f"all {sent} counters arrive", 180)
    assert quantity(url, app.service) == (Decimal("1.25") * sent, sent)
    verified = stack.run("verify", "--service", app.service)
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.fixture(scope="module")
def redis_stack() -> Iterator[RunningStack]:
    with stack_of_its_own(FAST_REDELIVERY) as stack:
        yield stack


@pytest.mark.parametrize("name", ["api", "worker", "broker", "database"])
def test_nothing_is_lost_or_doubled_over_redis(
    name: str, redis_stack: RunningStack, tmp_path: Path
) -> None:
    app = make_app(redis_stack, tmp_path)

    sent = kill_while_sending(
        app,
        lambda: redis_stack.kill(name),
        lambda dead: redis_stack.pid(name) not in (None, dead),
    )

    assert_all_counted_once(redis_stack, app, sent)
    app.close()


@pytest.mark.skipif(find_rabbitmq_server() is None, reason="needs rabbitmq-server")
def test_nothing_is_lost_or_doubled_over_rabbitmq(tmp_path: Path) -> None:
    folder = tmp_path / "rabbitmq"
    folder.mkdir()
    with (
        running_rabbitmq(folder) as rabbitmq,
        stack_of_its_own({"BROKER_URL": rabbitmq.url}) as stack,
    ):
        queues = task_queues(broker_settings(rabbitmq.url))
        rabbitmq.settle([*queues, dead_letter_queue()])
        app = make_app(stack, tmp_path)

        def restart_broker() -> int:
            rabbitmq.kill()
            rabbitmq.start()
            return 0

        sent = kill_while_sending(app, restart_broker, lambda dead: True)
        assert_all_counted_once(stack, app, sent)

        app.close()
