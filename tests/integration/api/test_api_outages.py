"""Broker or database away: a 503 or a kept promise, no hang, then recovery (P1)."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import psutil
import psycopg
import pytest

from ledger.migrate import migrate
from schemas.broker import task_queues
from tests.api_world import Answer, Person, counter, make_person, running_app
from tests.broker_settings import broker_settings
from tests.embedded_servers import (
    PostgresServer,
    running_postgres,
    running_redis,
    state_directory,
)
from tests.rabbitmq_server import find_rabbitmq_server, running_rabbitmq
from tests.waiting import wait_until

NO_HANG_SECONDS = 20.0
"""The promise is 2 seconds; a loaded machine is given time, a hang is still seen."""


class Broker(Protocol):
    """A server process that tests may hurt."""

    @property
    def url(self) -> str: ...
    def start(self) -> None: ...
    def kill(self) -> None: ...
    def send_signal(self, number: signal.Signals) -> None: ...


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def broker(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Broker]:
    if request.param == "rabbitmq":
        if find_rabbitmq_server() is None:
            pytest.skip("rabbitmq-server is not installed")
        with running_rabbitmq(tmp_path_factory.mktemp("broker")) as rabbitmq:
            rabbitmq.settle(task_queues(broker_settings(rabbitmq.url)))
            yield rabbitmq
    else:
        with state_directory() as state, running_redis(state) as redis:
            yield redis


@pytest.fixture
def olga(
    broker: Broker, database_url: str, conn: psycopg.Connection
) -> Iterator[Person]:
    """Owns a service on this broker; has pushed before."""
    with running_app(broker.url, DATABASE_URL=database_url) as app:
        person = make_person(app, conn)
        wait_until(lambda: person.push(counter("first")).status == 202, "a first push")
        yield person


def within_bounds(ask: Callable[[], Answer]) -> Answer:
    """The answer, or a failure if there is none: a hang is a finding, not a wait."""
    answers: list[Answer] = []
    thread = threading.Thread(target=lambda: answers.append(ask()), daemon=True)
    thread.start()
    thread.join(NO_HANG_SECONDS)
    assert answers, "no answer"
    return answers[0]


def push(person: Person) -> Answer:
    return within_bounds(lambda: person.push(counter("t")))


def recovers(person: Person) -> None:
    wait_until(lambda: push(person).status == 202, "pushing works again by itself")


@contextmanager
def frozen(processes: list[psutil.Process]) -> Iterator[None]:
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def test_a_killed_broker_is_a_503_and_then_found_again(
    broker: Broker, olga: Person
) -> None:
    broker.kill()
    try:
        answers = [push(olga) for _ in range(4)]
    finally:
        broker.start()

    assert [answer.status for answer in answers] == [503] * 4
    assert answers[0].body["code"] == "broker_unavailable"
    assert answers[0].headers["Retry-After"] == "1"
    recovers(olga)


def test_a_frozen_broker_is_a_503_and_then_found_again(
    broker: Broker, olga: Person
) -> None:
    broker.send_signal(signal.SIGSTOP)
    try:
        answers = [push(olga) for _ in range(4)]
        others = within_bounds(lambda: olga.get("/batches/x"))
    finally:
        broker.send_signal(signal.SIGCONT)

    assert [answer.status for answer in answers] == [503] * 4
    assert others.status == 404
    recovers(olga)


def test_many_at_once_on_a_frozen_broker_all_get_their_answer(
    broker: Broker, olga: Person
) -> None:
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda: answers.append(push(olga))) for _ in range(12)
    ]
    broker.send_signal(signal.SIGSTOP)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        broker.send_signal(signal.SIGCONT)

    assert [answer.status for answer in answers] == [503] * 12
    recovers(olga)


def test_a_broker_that_was_never_there_is_a_503(
    database_url: str, conn: psycopg.Connection
) -> None:
    with running_app("redis://127.0.0.1:1/0", DATABASE_URL=database_url) as app:
        olga = make_person(app, conn)

        answer = push(olga)

    assert (answer.status, answer.body["code"]) == (503, "broker_unavailable")
    conn.rollback()
    row = conn.execute(
        "SELECT count(*) FROM batch WHERE service_id = %s", (olga.service_id,)
    ).fetchone()
    assert row == (0,)


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL that may be frozen and killed."""
    with state_directory() as state, running_postgres(state, fsync="off") as server:
        migrate(server.url("postgres"))
        yield server


@pytest.fixture
def paula(own_postgres: PostgresServer, broker_url: str) -> Iterator[Person]:
    """Owns a service on that PostgreSQL; her key has been good just now."""
    url = own_postgres.url("postgres")
    with running_app(broker_url, DATABASE_URL=url) as app:
        with psycopg.connect(url) as conn:
            person = make_person(app, conn)
        wait_until(lambda: person.push(counter("first")).status == 202, "a first push")
        yield person


def server_processes(server: PostgresServer) -> list[psutil.Process]:
    assert server.server.process is not None
    parent = psutil.Process(server.server.process.pid)
    return [parent, *parent.children(recursive=True)]


def holds_while_away(paula: Person) -> None:
    """P1 needs the broker alone; everything that needs the books says 503."""
    stranger = Person("x", 0, "fb_0123456789ab_unknown", paula.client)

    assert push(paula).status == 202
    for ask in (
        lambda: paula.get("/batches/x"),
        lambda: paula.get("/customers/ada/past_usage", external_subscription_id="a"),
        lambda: paula.void("first"),
        lambda: paula.push(counter("t"), Idempotency_Key="k"),
        lambda: stranger.push(counter("t")),
    ):
        answer = within_bounds(ask)
        assert (answer.status, answer.body["code"]) == (503, "database_unavailable")


def reads_again(paula: Person) -> None:
    def reads() -> bool:
        return within_bounds(lambda: paula.get("/batches/x")).status == 404

    wait_until(reads, "the database is found again")


def test_a_known_key_pushes_while_the_database_is_killed(
    own_postgres: PostgresServer, paula: Person
) -> None:
    own_postgres.server.kill()
    try:
        holds_while_away(paula)
    finally:
        own_postgres.server.start()

    reads_again(paula)


def test_a_known_key_pushes_while_the_database_is_frozen(
    own_postgres: PostgresServer, paula: Person
) -> None:
    with frozen(server_processes(own_postgres)):
        holds_while_away(paula)

    reads_again(paula)


def test_health_stays_200_and_says_what_is_away(
    own_postgres: PostgresServer, paula: Person
) -> None:
    with frozen(server_processes(own_postgres)):
        answer = paula.client.get("/health")
        metrics = paula.client.get("/metrics")

    assert answer.status_code == 200
    assert answer.get_json()["dependencies"]["database"] == {"state": "unavailable"}
    assert answer.get_json()["dependencies"]["broker"] == {"state": "ok"}
    assert 'fusion_billing_dependency_up{dependency="database"} 0.0' in metrics.text
    reads_again(paula)
