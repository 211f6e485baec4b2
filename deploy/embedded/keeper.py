"""supervisord keeps the processes: its configuration, its start, its remote calls.

Paths in the configuration are relative to the state directory, supervisord's working
directory, so that no character of it needs quoting.
"""

import os
import re
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from supervisor.xmlrpc import SupervisorTransport

from deploy.embedded.child import child_command, child_environment
from deploy.embedded.files import write_private
from deploy.embedded.programs import Program
from deploy.embedded.state import StackError, State

_LINUX = sys.platform == "linux"
_SOCKET = "run/supervisor.sock"
_WAKE_SECONDS = 0.05
_HEAD = """\
[supervisord]
nodaemon = true
logfile = log/supervisord.log
logfile_maxbytes = 5MB
logfile_backups = 1
pidfile = run/supervisord.pid
{user}
[unix_http_server]
file = {socket}
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
_PROGRAM = """
[program:{name}]
command = {command}
directory = {directory}
autostart = false
autorestart = true
startsecs = {start_seconds}
startretries = 1000000
stopsignal = {stop_signal}
stopwaitsecs = {stop_seconds}
killasgroup = true
redirect_stderr = true
stdout_logfile = log/{name}.log
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 3
"""
_GROUP = """
[group:stage{stage}]
programs = {names}
priority = {stage}
"""


@dataclass(frozen=True)
class ProcessState:
    """What supervisord says of a process.

    ``pid`` is 0 while there is none; ``started_at`` is the last start, in seconds.
    """

    name: str
    state: str
    pid: int
    started_at: int


class Keeper:
    """A running supervisord: start programs, ask after them, end all."""

    def __init__(
        self, state: State, programs: Sequence[Program], environment: Mapping[str, str]
    ) -> None:
        """Start supervisord with these programs, none of them started yet."""
        self._root = state.root
        self._stage = {program.name: program.stage for program in programs}
        write_private(state.root / "supervisord.conf", configuration(programs))
        (state.root / _SOCKET).unlink(missing_ok=True)
        daemon = [sys.executable, "-m", "supervisor.supervisord", "--silent"]
        with state.log("supervisord-start").open("wb") as output:
            self._process = subprocess.Popen(
                # TERM makes it end its programs in order.
                child_command(
                    [*daemon, "-c", "supervisord.conf"], orphan_signal="TERM"
                ),
                cwd=state.root,
                env=child_environment(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C and a closing terminal are ours to hear, not its.
                start_new_session=True,
            )

    @property
    def ended(self) -> bool:
        """Whether supervisord itself has ended."""
        return self._process.poll() is not None

    def start(self, name: str) -> None:
        """Start the program, without waiting. Raises StackError if it cannot be."""
        try:
            self._call("startProcess", f"stage{self._stage[name]}:{name}", False)
        except xmlrpc.client.Fault as error:
            raise StackError(
                f"{name} cannot be started: {error.faultString}"
            ) from error

    def processes(self) -> dict[str, ProcessState] | None:
        """Every process's state by name; None while supervisord does not answer."""
        try:
            answer = self._call("getAllProcessInfo")
        except (OSError, xmlrpc.client.Error):
            return None
        return {
            row["name"]: ProcessState(
                row["name"], row["statename"], row["pid"], row["start"]
            )
            for row in cast(list[dict[str, Any]], answer)
        }

    def stop(self) -> None:
        """Ask supervisord to end its programs in the reverse order, then itself."""
        if not self.ended:
            self._process.terminate()

    def kill(self) -> None:
        """End supervisord at once; the kernel signals its programs."""
        self._process.kill()

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for supervisord's end; False when it did not come in time."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                self._process.wait(_WAKE_SECONDS)
            except subprocess.TimeoutExpired:
                if time.monotonic() > deadline:
                    return False
                # By itself it looks only once a second whether a process has ended,
                # and ends one stage after the other; any call wakes it.
                self.processes()
            else:
                return True

    def _call(self, method: str, *arguments: object) -> object:
        # By way of the folder's descriptor, for the same reason as in configuration().
        folder = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            path = (
                f"/proc/self/fd/{folder}/{_SOCKET}"
                if _LINUX
                else str(self._root / _SOCKET)
            )
            transport = SupervisorTransport(None, None, f"unix://{path}")
            # The host is not used: the transport knows the socket.
            server = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
            return getattr(server.supervisor, method)(*arguments)
        finally:
            os.close(folder)


def configuration(programs: Sequence[Program]) -> str:
    """supervisord's configuration file for these programs."""
    user = "user = root\n" if os.geteuid() == 0 else ""
    # supervisord makes the path absolute, and a socket's is at most 107 bytes.
    socket = f"/proc/self/cwd/{_SOCKET}" if _LINUX else _SOCKET
    text = _HEAD.format(user=user, socket=socket)
    for program in programs:
        text += _PROGRAM.format(
            name=program.name,
            command=" ".join(quoted_word(word) for word in program.command),
            directory=program.directory,
            start_seconds=program.start_seconds,
            stop_signal=program.stop_signal,
            stop_seconds=program.stop_seconds,
        )
    for stage in sorted({program.stage for program in programs}):
        names = ",".join(p.name for p in programs if p.stage == stage)
        text += _GROUP.format(stage=stage, names=names)
    return text


def quoted_word(word: str) -> str:
    """One word of a command, for shlex, then ``%`` expansion, then the INI file.

    A backslash before each special character keeps " #" and " ;", where the INI file
    would begin a comment, from appearing. Raises StackError on a line break.
    """
    if "\n" in word or "\r" in word:
        raise StackError(f"a path with a line break in it cannot be used: {word!r}")
    escaped = re.sub(r"([^\w@+=:,./-])", r"\\\1", word)
    # The quotes guard an empty word, and a blank at the end of the line.
    return escaped.replace("%", "%%") + ("''" if not word or word[-1].isspace() else "")
