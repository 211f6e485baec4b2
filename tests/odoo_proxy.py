"""A proxy before an Odoo that a test may stop, and that may keep an answer back.

Odoo closes each connection after its answer, so a connection is one request.
"""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
BUFFER = 65_536


class OdooProxy:
    """Forwards to an Odoo while it is started; its address stays when it is not.

    ``hold``: the answer to the next request that has all of these in it is read, and
    never sent on: ``held`` is set when Odoo has answered, which is to say committed.
    """

    def __init__(self, odoo_url: str) -> None:
        parts = urlsplit(odoo_url)
        self._odoo = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._listener: socket.socket | None = None
        self._port = 0
        self._released = threading.Event()
        self.hold: tuple[bytes, ...] = ()
        self.held = threading.Event()
        self.start()

    @property
    def url(self) -> str:
        """Where the bridge is to look for Odoo."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Take connections."""
        listener = socket.create_server(("127.0.0.1", self._port), backlog=64)
        self._port = listener.getsockname()[1]
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections, as an Odoo that is down."""
        listener, self._listener = self._listener, None
        if listener is not None:
            # Wakes accept(), which holds the port until it returns.
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def release(self) -> None:
        """Let go of the connection whose answer was kept back."""
        self._released.set()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._forward, args=(caller,), daemon=True).start()

    def _forward(self, caller: socket.socket) -> None:
        with caller, suppress(OSError):
            request = _read_request(caller)
            held = bool(self.hold) and all(part in request for part in self.hold)
            if held:
                self.hold = ()
            with socket.create_connection(self._odoo, timeout=60) as odoo:
                odoo.sendall(request)
                answer = _read_all(odoo)
            if held:
                self.held.set()
                self._released.wait(timeout=120)
                return
            caller.sendall(answer)


def _read_request(caller: socket.socket) -> bytes:
    caller.settimeout(60)
    request = b""
    while b"\r\n\r\n" not in request:
        if not (part := caller.recv(BUFFER)):
            return request
        request += part
    head, _, body = request.partition(b"\r\n\r\n")
    found = _LENGTH.search(head + b"\r\n")
    missing = (int(found[1]) if found else 0) - len(body)
    while missing > 0:
        if not (part := caller.recv(BUFFER)):
            break
        request, missing = request + part, missing - len(part)
    return request


def _read_all(odoo: socket.socket) -> bytes:
    parts = []
    while part := odoo.recv(BUFFER):
        parts.append(part)
    return b"".join(parts)


@contextmanager
def odoo_proxy(odoo_url: str) -> Iterator[OdooProxy]:
    """Such a proxy, while the block runs."""
    proxy = OdooProxy(odoo_url)
    try:
        yield proxy
    finally:
        proxy.release()
        proxy.stop()
