"""Every process of a stack, in the order they start; they end in the reverse order."""

import hashlib
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from deploy.embedded.child import child_command
from deploy.embedded.environment import Parts
from deploy.embedded.postgres import Postgres
from deploy.embedded.redis_server import RedisServer
from deploy.embedded.state import State
from schemas.messages import (
    ODOO_QUEUE,
    ODOO_READS_QUEUE,
    USAGE_QUEUE,
    WEBHOOK_QUEUE,
)
from schemas.settings import Settings

CELERY_NODES = ("worker", "bridge", "webhooks")
# What nobody waits for gives way to the API, whose answers an app does wait for; where
# both want the whole of a processor it still gets a quarter.
BACKGROUND_NICE = 5


@dataclass(frozen=True)
class Program:
    """One process. Programs of one stage end together, a later stage's first.

    ``start_seconds``: ending sooner counts as a failed start, and the next try waits
    longer each time. ``stop_seconds``: then it is killed.
    """

    name: str
    stage: int
    command: tuple[str, ...]
    start_seconds: int = 3
    stop_signal: str = "TERM"
    stop_seconds: int = 15
    directory: str = "run"


def server_programs(
    postgres: Postgres | None, redis: RedisServer | None, ports: Mapping[str, int]
) -> list[Program]:
    """PostgreSQL and Redis, as far as they are embedded."""
    programs = []
    if postgres is not None:
        command = postgres.command(ports["database"])
        # "/", since its user may not enter the state directory.
        programs.append(
            Program("database", 1, command, 1, "INT", stop_seconds=60, directory="/")
        )
    if redis is not None:
        command = redis.command(ports["broker"])
        programs.append(Program("broker", 2, command, 1, stop_seconds=60))
    return programs


def application_programs(
    state: State, settings: Settings, parts: Parts, ports: Mapping[str, int]
) -> list[Program]:
    """The stand-in Odoo, unless a real one is named, and our own processes."""
    programs = []
    if parts.odoo:
        command = child_command(
            [sys.executable, "-m", "odoo_bridge.embedded"], nice=BACKGROUND_NICE
        )
        programs.append(Program("odoo", 3, command))
    configuration = "python:deploy.gunicorn_conf"
    gunicorn = [sys.executable, "-m", "gunicorn", "-c", configuration]
    programs.append(Program("api", 4, child_command(gunicorn)))
    log_level = ("-l", settings.log_level)
    for name, queue, processes in (
        ("worker", USAGE_QUEUE, settings.worker_concurrency),
        # Two: while one pushes what has gathered in an outage, bills and events go on.
        ("bridge", ODOO_QUEUE, 2),
        # Two: a comparison of everything lets the catalog be pulled beside it.
        ("reader", ODOO_READS_QUEUE, 2),
        # Two: while one pump drains its last exchanges, the next already claims.
        ("webhooks", WEBHOOK_QUEUE, 2),
    ):
        command = _celery(
            *("worker", "-Q", queue, "-c", str(processes), "-P", "prefork", "-E"),
            *("-n", node_name(state, name), "--without-gossip", "--without-mingle"),
            *log_level,
        )
        # Warm: the task at hand goes on to its end.
        programs.append(Program(name, 4, command, stop_seconds=30))
    # Without a pid file: one that a crash left would stop the next start.
    beat = _celery("beat", "--pidfile=", *log_level)
    programs.append(Program("beat", 4, beat))
    flower = _celery("flower", "--address=127.0.0.1", f"--port={ports['flower']}")
    programs.append(Program("flower", 4, flower))
    return programs


def node_name(state: State, program: str) -> str:
    """The Celery worker's name: one for each stack, also on a shared broker."""
    host = socket.gethostname()
    stack = hashlib.sha256(f"{host}:{state.root}".encode()).hexdigest()[:8]
    return f"{program}@{host}-{stack}"


def _celery(*arguments: str) -> tuple[str, ...]:
    return child_command(
        [sys.executable, "-m", "celery", "-A", "workers.app:app", *arguments],
        nice=BACKGROUND_NICE,
    )
