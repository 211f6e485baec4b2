"""The embedded PostgreSQL and Redis as servers for tests; they end with the tests."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import redis
from psycopg import sql

from deploy.embedded.child import child_environment
from deploy.embedded.ports import free_port
from deploy.embedded.postgres import Postgres, prepare_postgres
from deploy.embedded.readiness import database_answers, redis_answers
from deploy.embedded.redis_server import RedisServer, prepare_redis
from deploy.embedded.state import State, make_state, remove_state
from tests.waiting import wait_until


@dataclass
class Server:
    """A server process that may be killed and started again over the same data."""

    command: tuple[str, ...]
    answers: Callable[[], bool]
    log: Path
    stop_signal: signal.Signals
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        """Start it, and return when it answers."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                env=child_environment(os.environ),
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
            )
        wait_until(self.answers, f"{self.command[-1]} answers (see {self.log})")

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal: SIGSTOP, SIGCONT."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """``kill -9``; dead already is fine."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in good order; dead already is fine."""
        self._end(self.stop_signal)

    def _end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.send_signal(signal.SIGCONT)  # a frozen one could not end
            self.process.wait(timeout=60)
            self.process = None


@dataclass(frozen=True)
class PostgresServer:
    """A running cluster; ``url`` gives the address of a database in it."""

    cluster: Postgres
    port: int
    server: Server

    def url(self, database: str) -> str:
        """postgresql:// with user and password."""
        return self.cluster.url(self.port, database)


@dataclass(kw_only=True)
class BrokerServer(Server):
    """A Redis and its address."""

    url: str

    @property
    def client(self) -> redis.Redis:
        """A new client of its own."""
        return redis.Redis.from_url(self.url)


@contextmanager
def state_directory() -> Iterator[State]:
    """A state directory that an unprivileged PostgreSQL reaches; removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="fusion-test-") as folder:
        # Root's PostgreSQL is another user, who has to pass through.
        Path(folder).chmod(0o711)
        state = make_state(Path(folder) / "state")
        try:
            yield state
        finally:
            remove_state(state)


@contextmanager
def new_database(
    postgres: PostgresServer, name: str, template: str = "template1"
) -> Iterator[str]:
    """A database made from the template; its address. Dropped after the block."""
    make = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
        sql.Identifier(name), sql.Identifier(template)
    )
    drop = sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as conn:
        conn.execute(make)
        yield postgres.url(name)
        conn.execute(drop)


@contextmanager
def running_postgres(state: State, **settings: str) -> Iterator[PostgresServer]:
    """The embedded PostgreSQL over this state directory while the block runs."""
    cluster = prepare_postgres(state, "postgres-test-password")
    port = free_port(set())
    server = Server(
        cluster.command(port, **settings),
        lambda: database_answers(cluster.url(port, "postgres")),
        state.log("database"),
        signal.SIGINT,
    )
    try:
        server.start()
        yield PostgresServer(cluster, port, server)
    finally:
        server.stop()


@contextmanager
def running_redis(state: State) -> Iterator[BrokerServer]:
    """The embedded Redis over this state directory while the block runs."""
    broker: RedisServer = prepare_redis(state, "redis-test-password")
    port = free_port(set())
    url = broker.url(port)
    server = BrokerServer(
        broker.command(port),
        lambda: redis_answers(url),
        state.log("broker"),
        signal.SIGTERM,
        url=url,
    )
    try:
        server.start()
        yield server
    finally:
        server.stop()
