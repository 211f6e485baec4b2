"""The servers from wheels: durable, private, healed after a crash."""

import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis
from supervisor.options import UnhosedConfigParser

from deploy.embedded.child import child_command, child_environment, processes_in
from deploy.embedded.keeper import quoted_word
from deploy.embedded.ports import choose_ports
from deploy.embedded.postgres import prepare_postgres
from deploy.embedded.redis_server import prepare_redis
from deploy.embedded.state import StackError, hold, leftovers, read_secrets
from tests.embedded_servers import running_postgres, running_redis, state_directory
from tests.waiting import wait_until


def test_postgres_keeps_committed_rows_through_kill_9() -> None:
    with state_directory() as state, running_postgres(state) as postgres:
        with psycopg.connect(postgres.url("postgres")) as conn:
            conn.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        postgres.server.kill()
        postgres.server.start()

        with psycopg.connect(postgres.url("postgres")) as conn:
            assert conn.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_postgres_is_durable_and_on_loopback_only() -> None:
    names = ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses")
    with state_directory() as state, running_postgres(state) as postgres:
        with psycopg.connect(postgres.url("postgres")) as conn:
            shown = [conn.execute(f"SHOW {name}").fetchone() for name in names]
        wrong = postgres.url("postgres").replace("fusion:", "fusion:not-")

        assert shown == [("on",), ("on",), ("on",), ("127.0.0.1",)]
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(wrong)


def test_postgres_starts_over_a_stale_pid_file_whose_pid_lives_again() -> None:
    with state_directory() as state, running_postgres(state) as postgres:
        pid_file = postgres.cluster.data / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        postgres.server.kill()
        # Its backends see its death and end a little later.
        data = postgres.cluster.data
        wait_until(lambda: not processes_in(data), "the backends have ended")
        with _sleeper(pid_file.stat().st_uid) as reused:
            pid_file.write_text("\n".join([str(reused.pid), *lines[1:]]) + "\n")
            postgres.server.start()

        assert postgres.server.answers()


def test_redis_keeps_acknowledged_messages_through_kill_9() -> None:
    with state_directory() as state, running_redis(state) as broker:
        with redis.Redis.from_url(broker.url) as client:
            client.lpush("queue", "message")
        broker.kill()
        broker.start()

        with redis.Redis.from_url(broker.url) as client:
            assert client.lrange("queue", 0, -1) == [b"message"]


def test_redis_is_durable_private_and_never_evicts() -> None:
    with state_directory() as state, running_redis(state) as broker:
        with redis.Redis.from_url(broker.url) as client:
            shown = [
                client.config_get(name)[name]
                for name in ("appendonly", "appendfsync", "maxmemory-policy", "bind")
            ]
        stranger = broker.url.replace(":redis-test-password@", "")

        assert shown == ["yes", "always", "noeviction", "127.0.0.1"]
        with (
            redis.Redis.from_url(stranger) as client,
            pytest.raises(redis.AuthenticationError),
        ):
            client.ping()


def test_redis_of_another_generation_is_refused_rather_than_started_empty() -> None:
    with state_directory() as state:
        broker = prepare_redis(state, "secret")
        (state.redis / "appendonlydir").mkdir()

        if broker.version >= (7, 0):
            prepare_redis(state, "secret")
        else:
            with pytest.raises(StackError, match="written by Redis 7"):
                prepare_redis(state, "secret")


def test_data_of_another_major_version_are_named() -> None:
    with state_directory() as state:
        cluster = prepare_postgres(state, "secret")
        (cluster.data / "PG_VERSION").write_text("9\n")

        with pytest.raises(StackError, match="PostgreSQL 9's"):
            prepare_postgres(state, "secret")


def test_an_initdb_that_was_killed_is_made_anew() -> None:
    with state_directory() as state:
        cluster = prepare_postgres(state, "secret")
        cluster.data.rename(cluster.data.with_name("data.unfinished"))

        again = prepare_postgres(state, "secret")

        assert (again.data / "PG_VERSION").exists()
        assert not (again.data.parent / "data.unfinished").exists()


def test_secrets_are_made_once_and_only_the_owner_reads_them() -> None:
    with state_directory() as state:
        first = read_secrets(state)

        assert read_secrets(state) == first
        mode = (state.root / "secrets.json").stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


def test_ports_stay_the_same_while_they_are_free(tmp_path: Path) -> None:
    remembered = tmp_path / "ports.json"

    first = choose_ports(("api", "flower"), remembered)

    assert choose_ports(("api", "flower"), remembered) == first
    assert all(1024 < port < 32768 for port in first.values())
    assert first["api"] != first["flower"]


def test_a_taken_port_is_replaced(tmp_path: Path) -> None:
    with state_directory() as state, running_redis(state) as broker:
        taken = int(broker.url.rsplit(":", 1)[1].split("/")[0])
        remembered = tmp_path / "ports.json"
        remembered.write_text(f'{{"api": {taken}}}')

        assert choose_ports(("api",), remembered)["api"] != taken


def test_one_state_directory_has_one_holder() -> None:
    with (
        state_directory() as state,
        hold(state),
        pytest.raises(StackError, match="already"),
        hold(state),
    ):
        pass


def test_a_child_ends_with_its_parent() -> None:
    with state_directory() as state:
        environ = os.environ | {"FUSION_UP_STATE": str(state.root)}
        script = (
            "import os, subprocess, sys;"
            "from deploy.embedded.child import *;"
            "subprocess.Popen(child_command(['sleep', '600']),"
            " env=child_environment(os.environ));"
            "print(flush=True); sys.stdin.read()"
        )
        parent = subprocess.Popen(
            [sys.executable, "-c", script],
            env=child_environment(environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        with parent:
            assert parent.stdout is not None
            parent.stdout.readline()
            parent.kill()

        wait_until(lambda: not leftovers(state), "the child has ended too")


def test_a_child_whose_parent_has_gone_does_not_start() -> None:
    environ = child_environment(os.environ) | {"FUSION_PARENT_PID": "1"}

    done = subprocess.run(
        child_command(["echo", "ran"]), env=environ, stdout=subprocess.PIPE, check=False
    )

    assert (done.returncode, done.stdout) == (1, b"")


@pytest.mark.parametrize("word", ["a b", "50%", "a #b", "a ;b", "it's", '"', "", "é "])
def test_any_word_survives_the_configuration(word: str) -> None:
    parser = UnhosedConfigParser()
    parser.read_string(f"[program:x]\ncommand = {quoted_word(word)}\n")

    assert shlex.split(parser.saneget("program:x", "command")) == [word]


@contextmanager
def _sleeper(uid: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process of this user that has nothing to do with PostgreSQL."""
    user = uid if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "600"], user=user, cwd="/") as process:
        try:
            yield process
        finally:
            process.kill()
