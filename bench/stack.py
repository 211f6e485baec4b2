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
from typing import Any

import psycopg

from deploy.embedded.state import State, remove_state

START_SECONDS = 120
DONE_SECONDS = 600
POLL_SECONDS = 0.02
LIMITS = {
    "FUSION_RATE_LIMIT_PER_SECOND": "100000",
    "FUSION_MAX_QUEUE_BATCHES": "100000",
    # A real Odoo takes its time for a thousand orders.
    "ODOO_TIMEOUT_SECONDS": "600",
}


@dataclass(frozen=True)
class BenchStack:
    """Where a running stack answers, and where its files are."""

    state: Path
    addresses: dict[str, Any]

    @property
    def api(self) -> str:
        """The API's URL."""
        return str(self.addresses["api"])

    @property
    def database_url(self) -> str:
        """The ledger's URL."""
        return str(self.addresses["database_url"])

    @property
    def broker_url(self) -> str:
        """The broker's URL."""
        return str(self.addresses["broker_url"])

    def count(self, query: str) -> int:
        """The one number that a query of the ledger answers."""
        with psycopg.connect(self.database_url, autocommit=True) as conn:
            row = conn.execute(query.encode()).fetchone()
        assert row is not None
        return int(row[0])

    def await_count(self, query: str, wanted: int) -> None:
        """Return when it has risen to ``wanted``; SystemExit after DONE_SECONDS."""
        deadline = time.monotonic() + DONE_SECONDS
        with psycopg.connect(self.database_url, autocommit=True) as conn:
            while time.monotonic() < deadline:
                row = conn.execute(query.encode()).fetchone()
                if row is not None and row[0] >= wanted:
                    return
                time.sleep(POLL_SECONDS)
        raise SystemExit(f"not done after {DONE_SECONDS} s: {query}")

    def run(self, *arguments: str) -> str:
        """What ``fusion-billing ARGUMENTS`` prints for this stack."""
        command = [sys.executable, "-m", "deploy.cli", *arguments]
        done = subprocess.run(
            [*command, "--state", str(self.state)],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(done.stderr)
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
            env={**os.environ, **LIMITS},
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
    return BenchStack(state, json.loads(file.read_text(encoding="utf-8")))
