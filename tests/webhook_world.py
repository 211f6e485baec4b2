"""Receivers that answer as a test wants, and events on their way to them."""

import ssl
import threading
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet

from deploy.embedded.ports import free_port
from ledger.db import Connection
from ledger.endpoints import create_endpoint
from ledger.outbox import enqueue_event
from workers.webhooks import PumpSummary, pump

# Answers a request, given how often its webhook-id had come before.
Answering = Callable[[BaseHTTPRequestHandler, int], None]
ISSUER = "https://billing.example"
SECRET_KEY = Fernet.generate_key().decode()


@dataclass(frozen=True)
class Request:
    """What a receiver got; ``headers`` by lower-case name."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The webhook's id."""
        return self.headers.get("webhook-id", "")


@dataclass
class Receiver:
    """A server on loopback that writes each request down, then has it answered."""

    answer: Answering
    port: int = field(default_factory=lambda: free_port(set()))
    scheme: str = "http"
    requests: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        """Where to send."""
        return f"{self.scheme}://127.0.0.1:{self.port}/in"

    @property
    def ids(self) -> Tally[str]:
        """How often each webhook-id has come."""
        with self.lock:
            return Tally(request.id for request in self.requests)

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        """Write the request down and answer it."""
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = Request(headers, body)
        with self.lock:
            earlier = sum(other.id == request.id for other in self.requests)
            self.requests.append(request)
        try:
            self.answer(handler, earlier)
        except ConnectionError:  # the pump has hung up
            handler.close_connection = True


@contextmanager
def receiving(
    answer: Answering,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Receiver]:
    """A running receiver."""
    receiver = Receiver(answer, scheme="https" if tls else "http")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 20

        def do_POST(self) -> None:
            receiver.take(self)

        do_GET = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing: pumps that are killed, or hang up, are part of the tests."""

        def get_request(self) -> Any:
            connection, address = super().get_request()
            if tls:
                try:
                    connection = tls.wrap_socket(connection, server_side=True)
                except OSError:
                    connection.close()
                    raise
            return connection, address

    with Server(("127.0.0.1", receiver.port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


def respond(status: int, body: bytes = b"", **headers: str) -> Answering:
    """An answer that is always the same; header names with ``_`` for ``-``."""

    def answer(handler: BaseHTTPRequestHandler, earlier: int) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def add_endpoint(
    conn: Connection, service: str, url: str, *event_types: str, **options: str
) -> tuple[UUID, str]:
    """An endpoint and its secret; commits."""
    made = create_endpoint(
        conn,
        service,
        url,
        event_types,
        secret_key=SECRET_KEY,
        allow_loopback=True,
        **options,
    )
    conn.commit()
    return made.id, made.secret


def enqueue(conn: Connection, service_id: int, count: int = 1) -> None:
    """Events that are due now; commits."""
    now = datetime.now(UTC)
    for number in range(count):
        enqueue_event(conn, service_id, "invoice.paid", {"number": number}, now)
    conn.commit()


def run_pump(database_url: str, **options: Any) -> PumpSummary:
    """The pump as the tests want it: it ends as soon as nothing is due."""
    defaults: dict[str, Any] = {
        "issuer": ISSUER,
        "allow_loopback": True,
        "seconds": 20,
        "linger_seconds": 0.0,
    }
    return pump(database_url, SECRET_KEY, **defaults | options)


def make_due(conn: Connection) -> None:
    """Let the time pass that deliveries wait for, leases included; commits."""
    conn.execute(
        """
        UPDATE webhook_delivery
           SET due_at      = now() - interval '1 second',
               lease_until = CASE WHEN lease_until IS NOT NULL
                                  THEN now() - interval '1 second' END
         WHERE state = 'pending'
        """
    )
    conn.commit()


def attempts(conn: Connection) -> list[tuple[int, int | None, str]]:
    """(attempt, status, outcome) of every attempt, in their order."""
    rows = conn.execute(
        "SELECT attempt, status, outcome FROM webhook_attempt"
        " ORDER BY message_id, attempt"
    ).fetchall()
    conn.rollback()
    return [(row[0], row[1], row[2]) for row in rows]


def states(conn: Connection) -> Tally[str]:
    """How many deliveries are in each state."""
    rows = conn.execute("SELECT state FROM webhook_delivery").fetchall()
    conn.rollback()
    return Tally(row[0] for row in rows)
