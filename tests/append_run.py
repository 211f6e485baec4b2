"""Starting, killing and reading the workers of ``tests.append_worker``."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from celery import Celery

from schemas.broker import PUBLISH_ERRORS
from schemas.messages import FOLD_BATCH, USAGE_QUEUE
from tests.append_settings import append_settings
from tests.broker_settings import broker_environment
from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent


@dataclass
class AppendWorker:
    """One worker process with two pool processes, under a node name that it keeps."""

    broker_url: str
    directory: Path
    name: str = "append@test"
    visibility_timeout_seconds: int = 90
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start, without waiting until it consumes."""
        command = [
            *(sys.executable, "-m", "celery", "-A", "tests.append_worker:app"),
            *("worker", "-Q", USAGE_QUEUE, "-n", self.name),
            *("--without-gossip", "--without-mingle"),
        ]
        environment = os.environ | broker_environment(
            self.broker_url,
            APPEND_FILE=str(self.directory / "lines"),
            FUSION_VISIBILITY_TIMEOUT_SECONDS=str(self.visibility_timeout_seconds),
        )
        with (self.directory / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log
            )

    def ready(self) -> bool:
        """It consumes: both pool processes exist and its log says so."""
        log = self.directory / f"{self.name}.log"
        return len(self.pool()) == 2 and "ready." in log.read_text()

    def pool(self) -> list[psutil.Process]:
        """Its pool processes."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the main process."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """``kill -9`` of the main process alone; its pool has to end by itself."""
        if self.process is None:
            return
        pool = self.pool() if self.process.poll() is None else []
        self.process.kill()
        self.process.wait(timeout=10)
        self.process = None
        wait_until(lambda: not any(map(_runs, pool)), "the pool ends with its worker")


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class Publisher:
    """Publishes numbered lines as the API does, and keeps those that were accepted."""

    def __init__(self, broker_url: str) -> None:
        self.app = Celery("ingest", set_as_current=False)
        self.app.conf.update(
            append_settings(broker_environment(broker_url), consumer=False)
        )
        self.accepted: list[str] = []
        self.refused = 0
        self._next = 0

    def publish(self, count: int) -> None:
        """Try ``count`` lines, once each."""
        for _ in range(count):
            self._next += 1
            self.publish_line(str(self._next))

    def publish_line(self, line: str) -> None:
        """Try one line; it counts as accepted when the broker confirmed it."""
        try:
            self.app.send_task(FOLD_BATCH, args=[line])
        except PUBLISH_ERRORS:
            self.refused += 1
        else:
            self.accepted.append(line)

    def close(self) -> None:
        """Close its connections."""
        self.app.close()


def appended(directory: Path) -> list[str]:
    """The lines that the workers wrote so far."""
    path = directory / "lines"
    return path.read_text().split() if path.exists() else []


def waits_for_some(directory: Path) -> None:
    """Return when some more lines are written: messages are in work."""
    before = len(appended(directory))
    wait_until(lambda: len(appended(directory)) > before + 20, "some work")


def waits_for_all(directory: Path, publisher: Publisher) -> None:
    """Return when every line that the broker accepted is written."""
    wait_until(
        lambda: set(publisher.accepted) <= set(appended(directory)),
        "every accepted line is written",
        timeout_seconds=90,
    )
