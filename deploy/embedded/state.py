"""The state directory: what a stack keeps between two starts, and who holds it.

::

    lock              held by the `fusion-billing up` that runs here
    addresses.json    where the running stack answers; there only while it does
    environment.json  what the processes and the commands read their settings from
    secrets.json      made once: passwords and keys
    ports.json        last time's ports
    supervisord.conf  written at each start
    postgres/, redis/ the data (postgres may be a link, see postgres.py)
    log/, run/        logs by process; the processes' working directory
"""

import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

import psutil
from cryptography.fernet import Fernet

from deploy.embedded.child import processes_in
from deploy.embedded.files import write_private

DEFAULT_STATE = Path(".fusion")
STATE_VARIABLE = "FUSION_UP_STATE"


class StackError(RuntimeError):
    """The stack cannot be started or found; the text is one clear sentence."""


@dataclass(frozen=True)
class State:
    """The state directory by its absolute path."""

    root: Path

    @property
    def addresses(self) -> Path:
        return self.root / "addresses.json"

    @property
    def environment(self) -> Path:
        return self.root / "environment.json"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def redis(self) -> Path:
        return self.root / "redis"

    def log(self, name: str) -> Path:
        return self.root / "log" / f"{name}.log"


@dataclass(frozen=True)
class Secrets:
    """What is made once for a state directory and never printed."""

    postgres_password: str
    redis_password: str
    fernet_key: str
    odoo_api_key: str
    flower_password: str


def make_state(root: Path) -> State:
    """The state directory, with its folders made where they are missing."""
    state = State(root.expanduser().absolute())
    # Root's PostgreSQL runs as another user, who has to pass through to its data.
    state.root.mkdir(parents=True, exist_ok=True, mode=0o711 if _is_root() else 0o700)
    for folder in (state.run, state.root / "log", state.redis):
        folder.mkdir(exist_ok=True, mode=0o700)
    return state


def remove_state(state: State) -> None:
    """Remove a state directory in which nothing runs, and what it links to outside."""
    if state.postgres.is_symlink():
        shutil.rmtree(state.postgres.readlink(), ignore_errors=True)
    shutil.rmtree(state.root, ignore_errors=True)


def read_secrets(state: State) -> Secrets:
    """The secrets of this state directory, made at the first call."""
    path = state.root / "secrets.json"
    try:
        return Secrets(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        made = Secrets(
            postgres_password=secrets.token_hex(20),
            redis_password=secrets.token_hex(20),
            fernet_key=Fernet.generate_key().decode(),
            odoo_api_key=secrets.token_hex(20),
            flower_password=secrets.token_hex(10),
        )
        write_private(path, json.dumps(asdict(made), indent=2) + "\n")
        return made
    except (ValueError, TypeError) as error:
        raise StackError(
            f"{path} is not readable as secrets ({error}); restore it, or remove "
            f"{state.root} to begin with an empty stack"
        ) from error


@contextmanager
def hold(state: State) -> Iterator[None]:
    """Hold the state directory; raises StackError when another `up` holds it."""
    with (state.root / "lock").open("a+", encoding="utf-8") as stream:
        if not _lock(stream):
            stream.seek(0)
            raise StackError(
                f"a stack runs in {state.root} already (process {stream.read()}); stop "
                "it first, or give this one a directory of its own with --state"
            )
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield


def _lock(stream: TextIO) -> bool:
    # More than once: `is_held` takes the lock for an instant when nobody has it.
    for _ in range(5):
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.1)
        else:
            return True
    return False


def is_held(state: State) -> bool:
    """Whether a `fusion-billing up` runs here (a killed one holds nothing)."""
    try:
        with (state.root / "lock").open("r", encoding="utf-8") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    except FileNotFoundError:
        pass
    return False


def leftovers(state: State) -> list[psutil.Process]:
    """Processes of an earlier run in this state directory that have not ended yet."""
    servers = set(processes_in(state.postgres / "data"))
    found = []
    for process in psutil.process_iter():
        try:
            kept_by = process.environ().get(STATE_VARIABLE)
        except (psutil.Error, OSError):  # it has ended, or is another user's
            kept_by = None
        ours = process.pid in servers or kept_by == str(state.root)
        if ours and process.pid != os.getpid():
            found.append(process)
    return found


def await_leftovers(
    state: State, timeout_seconds: float, tell: Callable[[str], None]
) -> None:
    """Wait until an earlier run that was killed has ended; to be called while holding.

    Raises StackError with their pids when some are still there in the end.
    """
    deadline = time.monotonic() + timeout_seconds
    told = False
    while found := leftovers(state):
        if time.monotonic() > deadline:
            pids = ", ".join(str(process.pid) for process in found)
            raise StackError(
                f"processes of an earlier run in {state.root} do not end: {pids}; "
                "end them, then start again"
            )
        if not told:
            tell(f"waiting for {len(found)} processes of an earlier run to end")
            told = True
        psutil.wait_procs(found, timeout=0.5)


def _is_root() -> bool:
    return os.geteuid() == 0
