"""Connections to the ledger."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from select import POLLIN, poll
from typing import Any, Final

import psycopg
from psycopg_pool import ConnectionPool

Connection = psycopg.Connection[tuple[Any, ...]]

CONNECT_TIMEOUT_SECONDS = 2
POOL_TIMEOUT_SECONDS = 2.0

CONTENTION: Final = (
    psycopg.errors.QueryCanceled,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.SerializationFailure,
    psycopg.errors.DeadlockDetected,
)
"""What a database that answers ends a transaction with because it takes too long, or
because of what runs beside it. Nothing is wrong with the connection."""

# Instants come back in UTC, whatever the server's own timezone is.
_CONNECT: dict[str, Any] = {
    "connect_timeout": CONNECT_TIMEOUT_SECONDS,
    "options": "-c timezone=UTC",
}

# Nothing that a shared or kept connection does may wait for long: it ends as trouble,
# well before the time limit of a task.
_BOUNDED_CONNECT: dict[str, Any] = {
    **_CONNECT,
    "options": f"{_CONNECT['options']} -c lock_timeout=5s -c statement_timeout=18s",
}


@dataclass(frozen=True)
class Limits:
    """How long a statement may take, and wait for one lock."""

    statement_seconds: float
    lock_seconds: float


def connect(database_url: str) -> Connection:
    """One connection of its own; the caller closes it."""
    return psycopg.connect(database_url, **_CONNECT)


@contextmanager
def long_work(database_url: str, limits: Limits) -> Iterator[Connection]:
    """A connection of its own for work that outlasts the limits of shared ones.

    In autocommit: ``conn.transaction()`` commits. The commits do not wait for the disk:
    for work that is done again if PostgreSQL crashes, and that a later commit which
    does wait covers. A host that vanished is noticed in a minute at both ends, so that
    neither a caller nor a lock is left waiting.
    """
    options = (
        f"{_CONNECT['options']} -c synchronous_commit=off"
        f" -c statement_timeout={limits.statement_seconds * 1000:.0f}"
        f" -c lock_timeout={limits.lock_seconds * 1000:.0f}"
        " -c client_connection_check_interval=10s"
    )
    with psycopg.connect(
        database_url,
        autocommit=True,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        options=options,
        keepalives_idle=30,
        keepalives_interval=10,
        keepalives_count=3,
    ) as conn:
        yield conn


@cache
def pool_of(database_url: str, size: int = 8) -> ConnectionPool[Connection]:
    """The process's pool for a database, made at first use (hence after a fork).

    A connection is checked before it is handed out, so that a restarted PostgreSQL
    costs a reconnect and no failed request.
    """
    return ConnectionPool(
        database_url,
        min_size=0,
        max_size=size,
        timeout=POOL_TIMEOUT_SECONDS,
        check=check_kept,
        # The default doubles its pauses: after 20 s away, found again 8.7 s late.
        reconnect_timeout=1.0,
        kwargs=dict(_BOUNDED_CONNECT),
        open=True,
    )


@contextmanager
def transaction(database_url: str) -> Iterator[Connection]:
    """A pooled connection in one transaction: commits at the end, or rolls back.

    Raises psycopg.OperationalError (PoolTimeout among them) while PostgreSQL is away.
    """
    with pool_of(database_url).connection() as conn:
        yield conn


def check_kept(conn: Connection) -> None:
    """Raise psycopg.OperationalError when a connection that was idle is gone.

    The end of one can be read from its socket, at once and on this side; only when
    there is something to be read the server is asked.
    """
    unread = poll()
    unread.register(conn.fileno(), POLLIN)
    if unread.poll(0):
        ConnectionPool.check_connection(conn)


class KeptConnections:
    """A connection for each thread that asks, kept as long as it answers.

    For callers that must know within their deadline whether the database is back: a
    pool finds it by its own retries, in its own time. ``close`` ends them all.
    """

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._kept = threading.local()
        self._all: set[Connection] = set()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """The thread's connection in one transaction: commits it, or rolls it back.

        Raises psycopg.OperationalError while PostgreSQL is away.
        """
        conn = self._checked()
        try:
            with conn.transaction():
                yield conn
        finally:
            if conn.broken:
                self._drop(conn)

    @contextmanager
    def single(self) -> Iterator[Connection]:
        """The same for a single statement, which needs no transaction around it."""
        conn = self._checked()
        try:
            yield conn
        finally:
            if conn.broken:
                self._drop(conn)

    def close(self) -> None:
        """Close them all; nobody may be using one."""
        for conn in list(self._all):
            conn.close()

    def _checked(self) -> Connection:
        conn: Connection | None = getattr(self._kept, "conn", None)
        if conn is not None:
            try:
                check_kept(conn)
            except psycopg.OperationalError:
                self._drop(conn)
                conn = None
        if conn is None:
            conn = psycopg.connect(self._url, autocommit=True, **_BOUNDED_CONNECT)
            self._kept.conn = conn
            self._all.add(conn)
        return conn

    def _drop(self, conn: Connection) -> None:
        self._kept.conn = None
        self._all.discard(conn)
        conn.close()
