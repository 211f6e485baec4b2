"""`fusion-billing up` with named servers, in a closed place, as another user."""

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import psutil
import pytest
import redis

from deploy.embedded.state import State, leftovers, remove_state
from tests.embedded_servers import (
    BrokerServer,
)
from tests.scripted_server import closed_port_url
from tests.stack_process import (
    PROCESSES,
    assert_data_kept,
    await_ready,
    end_up,
    is_healthy,
    keep_data,
    output_of,
    running_stack,
    start_up,
)
from tests.waiting import wait_until


def test_named_servers_replace_the_embedded_ones(
    state: State, database_url: str, redis_server: BrokerServer
) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    environ = os.environ | {
        "DATABASE_URL": database_url,
        "BROKER_URL": redis_server.url,
    }
    with running_stack(state.root, environ) as stack:
        assert set(stack.addresses["processes"]) == PROCESSES - {"database", "broker"}
        assert stack.database_url == database_url
        assert stack.addresses["broker_url"] == redis_server.url
        assert not state.postgres.exists()
        wait_until(lambda: "addon 19.0." in shown_by(state), "up shows Odoo's addon")
        logs = state.root / "log"
        wait_until(
            lambda: any("odoo_checked" in log.read_text() for log in logs.iterdir()),
            "a worker logs what it found in Odoo",
            90,
        )


def test_an_odoo_that_is_away_is_shown_and_stops_nothing(state: State) -> None:
    url = closed_port_url()
    environ = os.environ | {"ODOO_URL": url, "ODOO_API_KEY": "none"}
    with running_stack(state.root, environ) as stack:
        wait_until(lambda: "Odoo cannot be reached" in shown_by(state), "up shows it")

        assert set(stack.addresses["processes"]) == PROCESSES - {"odoo"}
        assert stack.process.poll() is None


def shown_by(state: State) -> str:
    """What `up` has printed."""
    return output_of(state.root).read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's PostgreSQL is another user")
def test_root_runs_it_below_a_directory_closed_to_others(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    state = State(closed / "state with % and # in it")
    try:
        with running_stack(state.root) as stack:
            keep_data(stack)
            outside = state.postgres.readlink()
            assert outside.is_relative_to("/var/lib/fusion-billing")
        with running_stack(state.root) as stack:
            assert_data_kept(stack)
            assert state.postgres.readlink() == outside
    finally:
        remove_state(state)


@pytest.mark.skipif(
    os.geteuid() != 0, reason="the other tests are the unprivileged ones"
)
def test_an_unprivileged_user_runs_it() -> None:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("no setpriv (util-linux) to become another user with")
    user = pwd.getpwnam("daemon").pw_uid
    prefix = [setpriv, f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    with tempfile.TemporaryDirectory(prefix="fusion-test-") as folder:
        os.chown(folder, user, user)
        state = State(Path(folder) / "state")
        environ = os.environ | {
            "HOME": folder,
            "PYTHONPATH": sysconfig.get_path("purelib"),
            "LD_LIBRARY_PATH": f"{folder}/python/lib",  # libpython, where it is shared
        }
        python = _python_for(prefix, Path(folder))
        process = start_up(state.root, environ, prefix=prefix, python=python)
        try:
            stack = await_ready(state.root, process)
            assert is_healthy(stack)
            for pid in stack.addresses["processes"].values():
                assert psutil.Process(*pid).uids().real == user
        finally:
            end_up(process)
        assert leftovers(state) == []


def _python_for(prefix: list[str], folder: Path) -> str:
    """Our Python if that user may execute it, else a copy of it in the folder."""
    # By way of env: setpriv itself still has root's reach.
    try_it = [*prefix, "env", sys.executable, "-c", ""]
    if subprocess.run(try_it, stderr=subprocess.DEVNULL, check=False).returncode == 0:
        return sys.executable
    library = Path("lib") / f"python3.{sys.version_info.minor}"
    ignore = shutil.ignore_patterns("test", "site-packages", "__pycache__", "*.a")
    base, copy = Path(sys.base_prefix), folder / "python"
    shutil.copytree(base / library, copy / library, ignore=ignore)
    for shared in (base / "lib").glob("libpython*.so*"):
        shutil.copy2(shared, copy / "lib" / shared.name)
    (copy / "bin").mkdir()
    program = Path(os.path.realpath(sys.executable))
    shutil.copy2(program, copy / "bin" / program.name)
    return str(copy / "bin" / program.name)
