"""Waiting for something to become true, with a deadline instead of a sleep."""

import threading
import time
from collections.abc import Callable

_INTERVAL_SECONDS = 0.02


def wait_until(
    condition: Callable[[], bool], what: str, timeout_seconds: float = 30
) -> None:
    """Return as soon as ``condition()`` is true; AssertionError after the deadline."""
    deadline = time.monotonic() + timeout_seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        pause.wait(_INTERVAL_SECONDS)
