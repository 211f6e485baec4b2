"""Starts a program that ends when the process that started it ends.

``python -m deploy.embedded.child [--signal KILL] [--user UID:GID] [--data DIR]
[--nice N] -- PROGRAM ARGUMENT …`` asks Linux for a signal at the parent's death and
becomes the program (exec: the pid stays). So nothing outlives supervisord, nor
supervisord ``fusion-billing up``, however they end. On other systems only an orderly
end stops the programs.

Nothing heavy is imported: this runs once for every start of every program.
"""

import argparse
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from workers.parent_death import die_with_parent

PARENT_VARIABLE = "FUSION_PARENT_PID"


def child_command(
    command: Sequence[str],
    *,
    orphan_signal: str = "KILL",
    user: tuple[int, int] | None = None,
    data: Path | None = None,
    nice: int = 0,
) -> tuple[str, ...]:
    """The command that starts ``command`` by way of this module.

    ``orphan_signal`` is what it gets when its parent is gone; ``user`` is (uid, gid);
    ``data`` is PostgreSQL's data directory, whose stale ``postmaster.pid`` is removed;
    ``nice`` is by how much it gives way to others when processors are scarce.
    """
    words = [sys.executable, "-m", __name__, "--signal", orphan_signal]
    if user is not None:
        words += ["--user", f"{user[0]}:{user[1]}"]
    if data is not None:
        words += ["--data", str(data)]
    if nice:
        words += ["--nice", str(nice)]
    return (*words, "--", *command)


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment to start such a command with: it names us as the parent."""
    project = str(Path(__file__).parents[2])
    path = [project, *filter(None, [environ.get("PYTHONPATH")])]
    return {
        **environ,
        PARENT_VARIABLE: str(os.getpid()),
        # Found from any working directory, installed or not.
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(os.pathsep.join(path).split(":"))),
    }


def main() -> None:
    """Become the program; the arguments are above."""
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded.child")
    parser.add_argument("--signal", default="KILL")
    parser.add_argument("--user", default=None)
    parser.add_argument("--data", type=Path, default=None)
    parser.add_argument("--nice", type=int, default=0)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    if arguments.data is not None:
        remove_stale_pid_file(arguments.data)
    if arguments.nice:
        os.nice(arguments.nice)
    if arguments.user is not None:
        uid, gid = (int(part) for part in arguments.user.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    parent = os.environ.get(PARENT_VARIABLE)
    die_with_parent(
        signal.Signals[f"SIG{arguments.signal}"], int(parent) if parent else None
    )
    os.environ[PARENT_VARIABLE] = str(os.getpid())
    # What Python, a shell's "&" or nohup have muted does not stay so for the program.
    for each in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGINT):
        signal.signal(each, signal.SIG_DFL)
    os.execvp(arguments.command[0], arguments.command)  # noqa: S606 - no shell is wanted


def remove_stale_pid_file(data: Path) -> None:
    """Remove a ``postmaster.pid`` left by a crash whose pid another process has now.

    PostgreSQL refuses to start while that pid lives. A server of this directory, or a
    backend of one, has the directory as its working directory; while there is one, the
    file stays and PostgreSQL itself refuses.
    """
    pid_file = data / "postmaster.pid"
    if Path("/proc").is_dir() and pid_file.exists() and not processes_in(data):
        pid_file.unlink(missing_ok=True)


def processes_in(directory: Path) -> list[int]:
    """Pids of the processes whose working directory this is, as far as we may look."""
    found = []
    wanted = os.path.realpath(directory)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.readlink(entry / "cwd") == wanted:
                    found.append(int(entry.name))
            except OSError:  # it has ended, or is another user's
                continue
    return found


if __name__ == "__main__":
    main()
