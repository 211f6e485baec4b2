"""A whole stack in a directory of its own, for the time of a bench."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.state import State, remove_state

START_SECONDS = 120


@dataclass(frozen=True)
class BenchStack:
    """Where a running stack answers, and where its files are."""

    state: Path
    api: str
    database_url: str
    broker_url: str

    def run(self, *arguments: str) -> str:
        """What ``fusion-billing ARGUMENTS`` prints for this stack."""
        command = [sys.executable, "-m", "deploy.cli", *arguments]
        done = subprocess.run(
            [*command, "--state", str(self.state)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout.strip()


@contextmanager
def running_stack() -> Iterator[BenchStack]:
    """``fusion-billing up`` in a temporary directory; ended at the end."""
    with tempfile.TemporaryDirectory(prefix="fusion-bench-") as folder:
        os.chmod(folder, 0o711)  # noqa: S103 - PostgreSQL, as nobody, passes through
        state = Path(folder) / "state"
        up = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", "up", "--state", str(state)],
            stdout=subprocess.DEVNULL,
            env={**os.environ, "FUSION_RATE_LIMIT_PER_SECOND": "100000"},
        )
        try:
            yield _await_addresses(up, state)
        finally:
            up.terminate()
            up.wait(120)
            remove_state(State(state))  # its data may lie outside the folder


def _await_addresses(up: "subprocess.Popen[bytes]", state: Path) -> BenchStack:
    deadline = time.monotonic() + START_SECONDS
    file = state / "addresses.json"
    while not file.exists():
        if up.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("the stack did not start; see its message above")
        time.sleep(0.2)
    addresses = json.loads(file.read_text(encoding="utf-8"))
    return BenchStack(
        state, addresses["api"], addresses["database_url"], addresses["broker_url"]
    )
