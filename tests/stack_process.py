"""`fusion-billing up` as a process of its own, the way a user runs it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
import redis

from deploy.embedded.child import child_command, child_environment
from deploy.embedded.files import last_lines
from tests.waiting import wait_until

START_SECONDS = 150
STOP_SECONDS = 150
PROCESSES = {
    "database",
    "broker",
    "odoo",
    "api",
    "worker",
    "bridge",
    "reader",
    "webhooks",
    "beat",
    "flower",
}


@dataclass(frozen=True)
class RunningStack:
    """A stack that answers: its state directory, its `up`, its addresses."""

    state: Path
    process: subprocess.Popen[bytes]

    @property
    def addresses(self) -> dict[str, Any]:
        """addresses.json as it is now: ids change when a process is restarted."""
        text = (self.state / "addresses.json").read_text(encoding="utf-8")
        addresses: dict[str, Any] = json.loads(text)
        return addresses

    @property
    def api(self) -> str:
        """The API's URL."""
        return str(self.addresses["api"])

    @property
    def database_url(self) -> str:
        """The ledger's URL."""
        return str(self.addresses["database_url"])

    def pid(self, name: str) -> int | None:
        """The process's id now; None while it is not running."""
        pids: list[int] = self.addresses["processes"][name]
        return pids[0] if pids else None

    def kill(self, name: str) -> int:
        """``kill -9`` of one of its processes; returns the id that it had."""
        pid = self.pid(name)
        assert pid is not None, f"{name} does not run"
        os.kill(pid, signal.SIGKILL)
        return pid

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `fusion-billing` on this stack; output as text."""
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "deploy.cli",
                *arguments,
                "--state",
                str(self.state),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


def start_up(
    state: Path,
    environ: Mapping[str, str] | None = None,
    *,
    prefix: Sequence[str] = (),
    python: str = sys.executable,
) -> subprocess.Popen[bytes]:
    """Start `fusion-billing up`; its output is in STATE.out beside the directory.

    ``prefix`` is a program that runs it, such as setpriv; ``python`` runs it all.
    """
    command = [python, "-m", "deploy.cli", "up", "--state", str(state)]
    # One that a killed stack left would pass for this one's.
    (state / "addresses.json").unlink(missing_ok=True)
    with output_of(state).open("ab") as output:
        return subprocess.Popen(
            # When the tests die, it ends in good order.
            [*prefix, python, *child_command(command, orphan_signal="TERM")[1:]],
            env=child_environment(os.environ if environ is None else environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def output_of(state: Path) -> Path:
    """Where start_up writes what `up` prints."""
    return state.parent / f"{state.name}.out"


def await_ready(state: Path, process: subprocess.Popen[bytes]) -> RunningStack:
    """Return when the stack answers; AssertionError with its output when it ends."""

    def ready() -> bool:
        assert process.poll() is None, (
            f"`up` ended with {process.returncode}:\n"
            + "\n".join(last_lines(output_of(state), 60))
        )
        return (state / "addresses.json").exists()

    wait_until(ready, f"the stack answers (see {output_of(state)})", START_SECONDS)
    return RunningStack(state, process)


def end_up(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> int:
    """Send the signal and wait for the end; returns the exit status."""
    if process.poll() is None:
        process.send_signal(number)
    try:
        return process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


@contextmanager
def running_stack(
    state: Path, environ: Mapping[str, str] | None = None
) -> Iterator[RunningStack]:
    """A whole stack while the block runs; ended by its own id, come what may."""
    process = start_up(state, environ)
    try:
        yield await_ready(state, process)
    finally:
        end_up(process)


def is_healthy(stack: RunningStack) -> bool:
    """Whether every process runs, and API, Flower and Odoo answer."""
    addresses = stack.addresses
    urls = [f"{addresses['api']}/health", f"{addresses['flower']}/healthcheck"]
    try:
        answers = [httpx.get(url, timeout=5, trust_env=False) for url in urls]
        httpx.get(addresses["odoo"], timeout=5, trust_env=False)
    except httpx.HTTPError:
        return False
    alive = all(pids for pids in addresses["processes"].values())
    return alive and all(answer.is_success for answer in answers)


def keep_data(stack: RunningStack) -> None:
    """Leave a row in the database and a message in the broker."""
    with psycopg.connect(stack.database_url) as conn:
        conn.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with redis.Redis.from_url(str(stack.addresses["broker_url"])) as client:
        client.lpush("kept", "message")


def assert_data_kept(stack: RunningStack) -> None:
    """Assert that both are still there."""
    with psycopg.connect(stack.database_url) as conn:
        assert conn.execute("SELECT answer FROM kept").fetchone() == (42,)
    with redis.Redis.from_url(str(stack.addresses["broker_url"])) as client:
        assert client.lrange("kept", 0, -1) == [b"message"]
