"""Connections to the ledger."""

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

# Nothing that a pooled connection does may wait for long: it ends as trouble, well
# before the time limit of a task.
_BOUNDED = "-c lock_timeout=5s -c statement_timeout=18s"


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
        kwargs={**_CONNECT, "options": f"{_CONNECT['options']} {_BOUNDED}"},
        open=True,
    )


@contextmanager
def transaction(database_url: str) -> Iterator[Connection]:
    """A pooled connection in one transaction: commits at the end, or rolls back.

    Raises psycopg.OperationalError (PoolTimeout among them) while PostgreSQL is away.
    """
    with pool_of(database_url).connection() as conn:
        yield conn
