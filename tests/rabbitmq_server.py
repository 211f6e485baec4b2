"""A real RabbitMQ node for tests: own name, ports, data and epmd; ended by pid."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from kombu import Connection, Queue

from deploy.embedded.ports import free_port
from tests.waiting import wait_until

USER = "test"
PASSWORD = "rabbitmq-test-password"
START_SECONDS = 90
SETTLE_SECONDS = 10
LIBRARY_SCRIPT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


def find_rabbitmq_server() -> str | None:
    """The server's start script, or None when RabbitMQ is not installed.

    Debian's script on the PATH changes the user and drops the environment; it only
    leads to the real one.
    """
    on_path = shutil.which("rabbitmq-server")
    if on_path and LIBRARY_SCRIPT.exists():
        return str(LIBRARY_SCRIPT)
    return on_path


@contextmanager
def running_rabbitmq(directory: Path) -> Iterator["RabbitMQServer"]:
    """A node over ``directory`` while the block runs; killed after it in any case."""
    server = RabbitMQServer(directory)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@dataclass
class RabbitMQServer:
    """One node; it may be killed and started again over the same data."""

    directory: Path
    port: int = field(default_factory=lambda: free_port(set()))
    _epmd: subprocess.Popen[bytes] | None = None
    _process: subprocess.Popen[bytes] | None = None
    _environment: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """amqp:// with user and password, virtual host /."""
        return f"amqp://{USER}:{PASSWORD}@127.0.0.1:{self.port}//"

    @contextmanager
    def channel(self) -> Iterator[Any]:
        """A channel of a connection of its own; Any, for the stubs lack its methods."""
        with Connection(self.url) as connection:
            yield connection.default_channel

    def start(self) -> None:
        """Start, and return when a client can log in."""
        if self._epmd is None:
            self._prepare()
        with (self.directory / "rabbitmq.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(find_rabbitmq_server())],
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,  # the script, Erlang and its helpers: a group
            )
        wait_until(self._answers, "RabbitMQ answers", START_SECONDS)

    def settle(self, queues: Iterable[Queue]) -> None:
        """Declare queues, and let the node note on disk who leads them.

        It does so every 5 seconds, and a 3.10 that is killed before then may never
        find a leader for them again.
        """
        with self.channel() as channel:
            for queue in queues:
                queue(channel).declare()
        settled = monotonic() + SETTLE_SECONDS
        wait_until(lambda: monotonic() > settled, "the queues are known on disk")

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to all processes of the node: SIGSTOP, SIGCONT."""
        assert self._process is not None
        os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """``kill -9`` of the node, and wait until its port is closed."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=10)
            self._process = None
            wait_until(lambda: not _listens(self.port), "RabbitMQ is gone")

    def stop(self) -> None:
        """Kill the node and its epmd. Again is harmless."""
        self.kill()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait(timeout=10)
            self._epmd = None

    def _prepare(self) -> None:
        epmd_port = free_port(set())
        self._epmd = subprocess.Popen(
            ["epmd", "-address", "127.0.0.1", "-port", str(epmd_port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: _listens(epmd_port), "epmd listens")
        self.port = free_port({epmd_port})
        config = self.directory / "rabbitmq.conf"
        config.write_text(
            f"listeners.tcp.local = 127.0.0.1:{self.port}\n"
            f"default_user = {USER}\n"
            f"default_pass = {PASSWORD}\n"
        )
        (self.directory / "enabled_plugins").write_text("[].\n")
        base = str(self.directory)
        self._environment = os.environ | {
            "HOME": base,  # the Erlang cookie
            "ERL_EPMD_PORT": str(epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port({epmd_port, self.port})),
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{base}/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": f"{base}/data",
            "RABBITMQ_LOG_BASE": f"{base}/log",
            "RABBITMQ_LOGS": "-",
        }

    def _answers(self) -> bool:
        if not _listens(self.port):
            return False
        with Connection(self.url, connect_timeout=2) as connection:
            try:
                connection.connect()
            except connection.connection_errors:
                return False
            return True


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
