"""Keys that were good a short while ago, for pushes while the database is away (P1)."""

import hashlib
import threading
from time import monotonic
from typing import Final

from ledger.keys import Principal

REMEMBERED_SECONDS: Final = 600.0
MAX_KEYS: Final = 10_000


class KeyMemory:
    """Principals by the hash of their key, of this process only."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[float, Principal]] = {}
        self._lock = threading.Lock()

    def remember(self, key: str, principal: Principal) -> None:
        """The database has just confirmed the key."""
        digest = _digest(key)
        with self._lock:
            self._known.pop(digest, None)
            self._known[digest] = (monotonic() + REMEMBERED_SECONDS, principal)
            if len(self._known) > MAX_KEYS:
                del self._known[next(iter(self._known))]

    def forget(self, key: str) -> None:
        """The database has just refused the key."""
        with self._lock:
            self._known.pop(_digest(key), None)

    def recall(self, key: str) -> Principal | None:
        """Who the key spoke for within the last REMEMBERED_SECONDS."""
        until, principal = self._known.get(_digest(key), (0.0, None))
        return principal if monotonic() < until else None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
