"""P10 under ``kill -9``: of the pump, and of PostgreSQL below it."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler

import psycopg
import pytest

from ledger.db import connect
from ledger.migrate import migrate
from ledger.webhooks import IN_FLIGHT_PER_ENDPOINT, lead_claims
from tests.embedded_servers import PostgresServer, running_postgres, state_directory
from tests.ledger_world import make_world
from tests.waiting import wait_until
from tests.webhook_world import (
    SECRET_KEY,
    add_endpoint,
    attempts,
    enqueue,
    make_due,
    receiving,
    respond,
    run_pump,
    states,
)

pytestmark = pytest.mark.faults

PUMP = """
import sys
from workers.webhooks import pump
pump(sys.argv[1], sys.argv[2], issuer="", allow_loopback=True, seconds=20)
"""


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A PostgreSQL that may be killed, with its durable settings."""
    with state_directory() as state, running_postgres(state) as server:
        yield server


def answer_slowly(handler: BaseHTTPRequestHandler, earlier: int) -> None:
    threading.Event().wait(0.02)
    respond(200)(handler, earlier)


def leads(database_url: str) -> bool:
    with connect(database_url) as lead:
        return lead_claims(lead)


def test_a_killed_pump_loses_nothing_and_repeats_no_more_than_was_in_flight(
    conn: psycopg.Connection, database_url: str
) -> None:
    events, kills = 600, 3
    world = make_world(conn)
    with receiving(answer_slowly) as receiver:
        add_endpoint(conn, world.code, receiver.url)
        enqueue(conn, world.service_id, events)
        for kill in range(1, kills + 1):
            process = subprocess.Popen(
                [sys.executable, "-c", PUMP, database_url, SECRET_KEY],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            )
            enough = kill * events // (kills + 1)
            try:
                wait_until(lambda n=enough: len(receiver.ids) >= n, "deliveries flow")  # type: ignore[misc]  # n is an int
            finally:
                process.kill()
                process.wait()
            # PostgreSQL may still be busy with the last claim of the killed.
            wait_until(lambda: leads(database_url), "the lead of the killed ends")
            make_due(conn)
        run_pump(database_url)

    assert states(conn) == {"delivered": events}
    assert len(receiver.ids) == events
    repeats = receiver.ids.total() - events
    assert repeats <= kills * IN_FLIGHT_PER_ENDPOINT
    lost = [row for row in attempts(conn) if row[2] == "worker_lost"]
    assert repeats <= len(lost) <= kills * IN_FLIGHT_PER_ENDPOINT
    bodies = {(request.id, request.body) for request in receiver.requests}
    assert len(bodies) == events


def test_what_was_sent_while_postgresql_was_killed_is_remembered(
    own_server: PostgresServer,
) -> None:
    release = threading.Event()

    def hold(handler: BaseHTTPRequestHandler, earlier: int) -> None:
        release.wait(30)
        respond(200)(handler, earlier)

    url = own_server.url("postgres")
    migrate(url)
    with receiving(hold) as receiver, ThreadPoolExecutor(1) as threads:
        with connect(url) as conn:
            world = make_world(conn)
            add_endpoint(conn, world.code, receiver.url)
            enqueue(conn, world.service_id, 5)
        run = threads.submit(run_pump, url)
        wait_until(lambda: len(receiver.requests) == 5, "five are in flight")

        own_server.server.kill()
        release.set()
        own_server.server.start()
        with pytest.raises(psycopg.OperationalError):
            run.result()

    with connect(url) as conn:
        assert states(conn) == {"delivered": 5}
    assert set(receiver.ids.values()) == {1}
