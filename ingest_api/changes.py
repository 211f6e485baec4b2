"""Changes of the books that a request waits for: few at once, and with an end.

They wait for locks that reads do not need. So they have threads of their own, at most
half as many as answer requests, and what holds them up is no sign that the database is
away: pushes and reads go on.
"""

import threading
from collections.abc import Callable
from typing import Final, TypeVar

import psycopg

from ingest_api.bounded import BoundedCalls
from ledger.db import Connection, KeptConnections

T = TypeVar("T")

CHANGE_SECONDS: Final = 10.0
"""Longer than one wait for a lock may take, so that this is what ends it."""
PLACE_SECONDS: Final = 1.0
_BUSY: Final = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


class BooksBusy(Exception):
    """A lock or a place was not to be had in time; nothing was changed."""


class Changes:
    """Runs each change in one transaction, at most ``places`` at a time."""

    def __init__(
        self,
        connections: KeptConnections,
        places: int,
        errors: tuple[type[Exception], ...],
    ) -> None:
        self._connections = connections
        self._calls = BoundedCalls("database", places, errors)
        self._places = threading.Semaphore(places)

    def run(self, function: Callable[[Connection], T]) -> T:
        """The function's result, committed. Raises BooksBusy or Unavailable; after
        Unavailable it may have been committed all the same."""
        if not self._places.acquire(timeout=PLACE_SECONDS):
            raise BooksBusy
        try:
            return self._calls.call(lambda: self._change(function), CHANGE_SECONDS)
        finally:
            self._places.release()

    def close(self) -> None:
        """End the threads; nothing may be run then."""
        self._calls.close()

    def _change(self, function: Callable[[Connection], T]) -> T:
        try:
            with self._connections.transaction() as conn:
                return function(conn)
        except _BUSY as error:
            raise BooksBusy from error
