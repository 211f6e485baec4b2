"""An app's side of webhooks: receives, verifies, counts. For the demo and tests."""

import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from deploy.embedded.ports import free_port
from ledger.sealing import signing_key
from workers.webhooks.signing import SignatureInvalid, verify

_MAX_BODY_BYTES = 1 << 20


@dataclass(frozen=True)
class Received:
    """What has come: received = verified + rejected. ``last_type`` was verified."""

    received: int = 0
    verified: int = 0
    rejected: int = 0
    last_type: str | None = None

    def with_verified(self, event_type: str) -> Self:
        """The counts with one more that is from us."""
        return replace(
            self,
            received=self.received + 1,
            verified=self.verified + 1,
            last_type=event_type,
        )

    def with_rejected(self) -> Self:
        """The counts with one more that is not."""
        return replace(self, received=self.received + 1, rejected=self.rejected + 1)


class DemoReceiver:
    """An HTTP server in a thread, on loopback; a context manager.

    Its URL is known at once; the secret comes with ``trust``, since an endpoint is
    created from the URL. What is not signed with it is answered 401 and counted.
    """

    def __init__(self, port: int | None = None) -> None:
        """Listen on this port (OSError when it is taken) or a free one below 32768."""
        self._key: bytes | None = None
        self._counts = Received()
        self._lock = threading.Lock()
        self._server = _Server(
            ("127.0.0.1", port or free_port(set())), partial(_Handler, self._take)
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    @property
    def url(self) -> str:
        """Where webhooks are to be sent."""
        return f"http://127.0.0.1:{self._server.server_port}/webhooks"

    @property
    def counts(self) -> Received:
        """The counts as they are now."""
        with self._lock:
            return self._counts

    def trust(self, secret: str) -> None:
        """Verify with this secret, whsec_…. Raises ValueError when it is not one."""
        self._key = signing_key(secret)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, headers: dict[str, str], body: bytes) -> bool:
        """Count one webhook; whether it was verified."""
        try:
            if self._key is None:
                raise SignatureInvalid("no secret is trusted yet")
            verify(self._key, headers, body, datetime.now(UTC))
        except SignatureInvalid:
            with self._lock:
                self._counts = self._counts.with_rejected()
            return False
        event_type = str(json.loads(body)["type"])
        with self._lock:
            self._counts = self._counts.with_verified(event_type)
        return True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # an idle kept connection would hold the end
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a sender that hangs up: the demo's screen is live."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10  # seconds of silence that end a kept connection

    def __init__(
        self, take: Callable[[dict[str, str], bytes], bool], *rest: Any
    ) -> None:
        self._take = take
        super().__init__(*rest)  # serves the connection, and returns at its end

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        if not length.isdigit() or int(length) > _MAX_BODY_BYTES:
            self.close_connection = True
            self._answer(400)
            return
        body = self.rfile.read(int(length))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._answer(204 if self._take(headers, body) else 401)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the demo's screen is live."""
