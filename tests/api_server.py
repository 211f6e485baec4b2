"""The API under gunicorn as in production, and clients that are slow on purpose."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from deploy.embedded.child import child_environment
from deploy.embedded.ports import free_port
from tests.broker_settings import broker_environment
from tests.waiting import wait_until


@dataclass(frozen=True)
class ApiServer:
    """One gunicorn with one worker process."""

    port: int
    threads: int

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self.port}"

    def connect(self, sent: bytes = b"") -> socket.socket:
        """A connection that has sent this much; its owner closes it."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        client.sendall(sent)
        return client

    def get(self, path: str) -> httpx.Response:
        """GET with little patience."""
        return httpx.get(self.url + path, timeout=5, trust_env=False)


@contextmanager
def running_api(
    folder: Path, database_url: str, broker_url: str, threads: int
) -> Iterator[ApiServer]:
    """The server while the block runs."""
    server = ApiServer(free_port(set()), threads)
    environment = broker_environment(
        broker_url,
        DATABASE_URL=database_url,
        FUSION_API_PORT=str(server.port),
        FUSION_API_WORKERS="1",
        FUSION_API_THREADS=str(threads),
        PROMETHEUS_MULTIPROC_DIR=str(folder),
    )
    command = [sys.executable, "-m", "gunicorn", "-c", "python:deploy.gunicorn_conf"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env=child_environment(os.environ) | environment,
            cwd=Path(__file__).parent.parent,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until(lambda: _answers(server), f"gunicorn answers (see {folder})")
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def read_to_end(client: socket.socket) -> bytes:
    """All that the server sends until it closes."""
    parts = []
    while part := client.recv(65536):
        parts.append(part)
    return b"".join(parts)


def _answers(server: ApiServer) -> bool:
    try:
        return server.get("/health").status_code == 200
    except httpx.TransportError:
        return False
