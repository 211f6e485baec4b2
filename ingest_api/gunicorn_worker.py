"""gunicorn's threaded worker, with threads for requests that have come only.

The stock one reads heads on its threads without a deadline, and lingers over a closing
connection in its event loop: a few slow clients, with or without a key, stop it.
"""

import json
import socket
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from selectors import EVENT_READ
from threading import BoundedSemaphore
from time import monotonic
from typing import Any, Final

from gunicorn.http.errors import (
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.workers.gthread import TConn, ThreadWorker

from ingest_api.arrival import TRANSFER_SECONDS, Arrival, ArrivalSocket
from ingest_api.errors import ApiError, bad_request, head_too_large, request_timeout

FREE_THREADS: Final = 2
"""Threads that are kept from waiting for bodies: for health, metrics and reads."""
LINGER_SECONDS: Final = 2.0
_DISCARD_BYTES: Final = 64 * 1024
_MAX_DISCARDED_BYTES: Final = 16 * 1024 * 1024


class ArrivalWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Serves plain HTTP; TLS ends at the proxy before it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.cfg.is_ssl:
            raise RuntimeError("this worker serves no TLS; end it at a proxy")
        self._places = BoundedSemaphore(max(1, self.cfg.threads - FREE_THREADS))
        self._closing: dict[Any, float] = {}

    def accept(self, listener: Any) -> None:
        """Take a new connection, and watch for its first request."""
        try:
            client, address = listener.accept()
        except OSError:  # taken by a sibling, or gone already
            return
        self.nr_conns += 1
        arriving = ArrivalSocket(client, self._places)
        conn = TConn(self.cfg, arriving, address, listener.getsockname())
        self._watch(conn)

    def handle(self, conn: Any) -> Any:
        """Serve one request, on a thread."""
        conn.sock.start_request()
        return super().handle(conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer a request that the parser refuses in the API's own shape, and never
        with a 5xx, which the stock answers have too."""
        ours = isinstance(exc, InvalidResponseHeader | InvalidResponseHeaderName)
        if ours or not isinstance(exc, ParseException):
            super().handle_error(req, client, addr, exc)
            return
        self.log.info("Unreadable request: %s", type(exc).__name__)
        too_large = isinstance(exc, LimitRequestHeaders | LimitRequestLine)
        cannot = bad_request("the request cannot be read")
        with suppress(OSError):
            client.send(_answer_bytes(head_too_large() if too_large else cannot))

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        """A kept connection's next request begins to come."""
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._watch(conn)

    def finish_request(self, conn: Any, fs: "Future[Any]") -> None:
        """A thread is done with a request: keep the connection, or close it."""
        if fs.cancelled() or fs.exception() is not None or not fs.result():
            self._close_slowly(conn)
            return
        left_over = conn.parser.unreader.take_buffered()
        if left_over or conn.sock.has_collected:  # the next request came close behind
            self._watch(conn, left_over)
        else:
            super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        """Give up requests that did not come in time, and end what is closing."""
        now = monotonic()
        while self.pending_conns and self.pending_conns[0].timeout <= now:
            conn = self.pending_conns.popleft()
            self.poller.unregister(conn.sock)
            if conn.sock.has_collected:
                self._answer(conn, request_timeout())
            else:
                self._close(conn)
        for conn in [conn for conn, until in self._closing.items() if until <= now]:
            self._end_closing(conn)

    def _keepalive_after(self, conn: Any, keepalive: bool) -> bool:
        # No thread waits for a body that nobody has asked for; one that is broken ends
        # the connection, and not in a second answer.
        if not keepalive:
            return False
        try:
            passed_over = conn.parser.finish_body(deadline=monotonic() + 0.01)
        except ParseException:
            return False
        return bool(passed_over)

    def _watch(self, conn: Any, left_over: bytes = b"") -> None:
        """Collect the next request; a thread gets it when it is there."""
        conn.sock.setblocking(False)
        arrival = conn.sock.collect(left_over)
        if arrival is not Arrival.PARTIAL:
            self._go_on(conn, arrival)
            return
        conn.timeout = monotonic() + TRANSFER_SECONDS
        self.pending_conns.append(conn)
        self.poller.register(
            conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn)
        )

    def on_pending_socket_readable(self, conn: Any, client: Any) -> None:
        """More of a request has come."""
        arrival = conn.sock.collect()
        if arrival is not Arrival.PARTIAL:
            self.poller.unregister(client)
            self.pending_conns.remove(conn)
            self._go_on(conn, arrival)

    def _go_on(self, conn: Any, arrival: Arrival) -> None:
        if arrival is Arrival.READY:
            conn.data_ready = True
            self.enqueue_req(conn)
        elif arrival is Arrival.TOO_LARGE:
            self._answer(conn, head_too_large())
        else:
            self._close(conn)

    def _answer(self, conn: Any, error: ApiError) -> None:
        """Answer from the event loop: what does not fit the socket's buffer is lost."""
        with suppress(OSError):
            conn.sock.send(_answer_bytes(error))
        self._close_slowly(conn)

    def _close_slowly(self, conn: Any) -> None:
        """Say that no more comes, and let the client read the answer: closed at once,
        with bytes of its unread, the connection would be reset (RFC 9112, 9.6)."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            self.poller.register(
                conn.sock, EVENT_READ, partial(self._discard, conn, [0])
            )
        except OSError:
            self._close(conn)
        else:
            self._closing[conn] = monotonic() + LINGER_SECONDS

    def _discard(self, conn: Any, discarded: list[int], client: Any) -> None:
        try:
            part = socket.socket.recv(client, _DISCARD_BYTES)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        discarded[0] += len(part)
        if not part or discarded[0] > _MAX_DISCARDED_BYTES:
            self._end_closing(conn)

    def _end_closing(self, conn: Any) -> None:
        del self._closing[conn]
        self.poller.unregister(conn.sock)
        self._close(conn)

    def _close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()


def _answer_bytes(error: ApiError) -> bytes:
    body = json.dumps(error.body)
    head = (
        f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return (head + body).encode()
