"""Connections to the ledger."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool

Connection = psycopg.Connection[tuple[Any, ...]]

CONNECT_TIMEOUT_SECONDS = 2
POOL_TIMEOUT_SECONDS = 2.0

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


def connect(database_url: str) -> Connection:
    """One connection of its own; the caller closes it."""
    return psycopg.connect(database_url, **_CONNECT)


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
        check=ConnectionPool.check_connection,
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

    def close(self) -> None:
        """Close them all; nobody may be using one."""
        for conn in list(self._all):
            conn.close()

    def _checked(self) -> Connection:
        conn: Connection | None = getattr(self._kept, "conn", None)
        if conn is not None:
            try:
                ConnectionPool.check_connection(conn)
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
