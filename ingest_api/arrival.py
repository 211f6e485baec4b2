"""A client's connection that no thread waits on for long.

The event loop collects a request's head, and a small body with it, before a thread sees
it. For the rest of a large body a thread waits in a bounded number of places, until the
request's deadline. The server's own parser still judges every byte: what is looked up
in the head here only says when to hand it over.
"""

import errno
import re
import socket
from enum import Enum
from select import POLLIN, poll
from threading import Semaphore
from time import monotonic
from typing import Final

TRANSFER_SECONDS: Final = 10.0
"""For a head, with a small body; then for what is left of a large body; then for the
answer."""
MAX_HEAD_BYTES: Final = 64 * 1024
COLLECTED_BODY_BYTES: Final = 64 * 1024
_READ_BYTES: Final = 64 * 1024
_GRACE_SECONDS: Final = 0.05
"""How long a request may wait in all without a place: a body that is on its way."""

_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r\n", re.I)
_EXPECT: Final = re.compile(rb"\r\nexpect:", re.I)


class Arrival(Enum):
    """How far a request has come."""

    PARTIAL = "partial"
    READY = "ready"
    TOO_LARGE = "too_large"
    GONE = "gone"


class Refusal(Enum):
    """Why a thread stopped reading a body."""

    SLOW = "slow"
    NO_PLACE = "no_place"


class Stalled(ConnectionResetError):
    """The client is given up; for the server, as if it had hung up."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the client is given up")


class ArrivalSocket(socket.socket):
    """The socket of one client. ``places``: how many threads may wait for bodies."""

    def __init__(self, accepted: socket.socket, places: Semaphore) -> None:
        super().__init__(fileno=accepted.detach())
        self.refusal: Refusal | None = None
        self._places = places
        self._collected = bytearray()
        self._searched = 0
        self._wanted: int | None = None
        self._deadline = monotonic() + TRANSFER_SECONDS
        self._grace = _GRACE_SECONDS

    @property
    def has_collected(self) -> bool:
        """Whether any of the next request has come."""
        return bool(self._collected)

    def collect(self, left_over: bytes = b"") -> Arrival:
        """Take what has come, without waiting; ``left_over`` was handed out and not
        used."""
        self._collected[:0] = left_over
        if not self._collected or self._judge() is Arrival.PARTIAL:
            try:
                part = super().recv(_READ_BYTES, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return Arrival.PARTIAL
            except OSError:
                return Arrival.GONE
            if not part:
                return Arrival.GONE
            self._collected += part
        return self._judge()

    def start_request(self) -> None:
        """A thread begins to serve what was collected."""
        self.refusal = None
        self._searched, self._wanted = 0, None
        self._deadline = monotonic() + TRANSFER_SECONDS
        self._grace = _GRACE_SECONDS

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """What was collected, then what comes. Raises Stalled."""
        if self._collected:
            part = bytes(self._collected[:bufsize])
            del self._collected[:bufsize]
            return part
        self._await_bytes()
        return super().recv(bufsize, flags)

    def sendall(self, data: bytes, flags: int = 0, /) -> None:  # type: ignore[override]  # the server sends bytes only
        """Raises Stalled when the client does not take it in TRANSFER_SECONDS."""
        self.settimeout(TRANSFER_SECONDS)
        try:
            super().sendall(data, flags)
        except TimeoutError as error:
            raise Stalled from error
        finally:
            self.setblocking(True)

    def _judge(self) -> Arrival:
        if self._wanted is None:
            end = self._collected.find(_END, max(0, self._searched - len(_END)))
            self._searched = len(self._collected)
            if end < 0 and self._searched > MAX_HEAD_BYTES:
                return Arrival.TOO_LARGE
            if end < 0:
                return Arrival.PARTIAL
            head_bytes = end + len(_END)
            self._wanted = head_bytes + _small_body(bytes(self._collected[:head_bytes]))
        enough = len(self._collected) >= self._wanted
        return Arrival.READY if enough else Arrival.PARTIAL

    def _await_bytes(self) -> None:
        started = monotonic()
        remaining = self._deadline - started
        if remaining <= 0:
            self._refuse(Refusal.SLOW)
        if self._readable(max(0.0, min(self._grace, remaining))):
            self._grace -= monotonic() - started
            return
        self._grace = 0.0
        if not self._places.acquire(blocking=False):
            self._refuse(Refusal.NO_PLACE)
        try:
            if not self._readable(self._deadline - monotonic()):
                self._refuse(Refusal.SLOW)
        finally:
            self._places.release()

    def _readable(self, seconds: float) -> bool:
        timeout = self.gettimeout()
        if timeout is not None:
            seconds = min(seconds, timeout)
        poller = poll()
        poller.register(self, POLLIN)
        return bool(poller.poll(max(0.0, seconds) * 1000))

    def _refuse(self, refusal: Refusal) -> None:
        self.refusal = refusal
        raise Stalled


def _small_body(head: bytes) -> int:
    """Bytes of body to collect with the head; none when the client awaits a word."""
    found = _LENGTH.search(head)
    if found is None or _EXPECT.search(head):
        return 0
    length = int(found[1])
    return length if length <= COLLECTED_BODY_BYTES else 0
