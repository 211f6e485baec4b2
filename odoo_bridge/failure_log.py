"""Logs what fails over and over: the first time, then once a minute."""

import time
from collections.abc import Callable
from typing import Any, Final

import structlog

EVERY_SECONDS: Final = 60.0

log = structlog.get_logger(__name__)


class FailureLog:
    """Remembers, per event, what failed last and when that was logged.

    For one process; a new one logs the failure again.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged: dict[str, tuple[str, float]] = {}
        self._unlogged: dict[str, int] = {}

    def failed(self, level: str, event: str, kind: str, **more: Any) -> None:
        """Log it, unless the same kind was logged in the last minute.

        ``unlogged``: how many of the event have not been since the line before.
        """
        now = self._clock()
        last_kind, logged_at = self._logged.get(event, ("", now))
        if last_kind == kind and now - logged_at < EVERY_SECONDS:
            self._unlogged[event] = self._unlogged.get(event, 0) + 1
            return
        self._logged[event] = (kind, now)
        count = self._unlogged.pop(event, 0)
        getattr(log, level)(event, kind=kind, **more, unlogged=count)

    def succeeded(self, event: str) -> None:
        """The next failure of the event is a first one again; an end is logged."""
        if self._logged.pop(event, None):
            log.info(f"{event}_over", unlogged=self._unlogged.pop(event, 0))

    def forget(self) -> None:
        """As in a new process."""
        self._logged.clear()
        self._unlogged.clear()
