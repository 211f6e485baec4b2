"""What the endpoints of one app share: settings and the ways to its dependencies."""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Final, TypeVar

import psycopg
from flask import current_app

from ingest_api.bounded import BoundedCalls, Unavailable
from ingest_api.changes import Changes
from ingest_api.dependencies import CHECK_SECONDS, Dependencies, OdooCheck
from ingest_api.key_memory import KeyMemory
from ingest_api.publisher import Publisher
from ingest_api.rate import RateLimit
from ledger.catalog import metric_aggregations
from ledger.db import Connection, KeptConnections
from schemas.settings import Settings

T = TypeVar("T")

EXTENSION: Final = "fusion_billing"
READ_SECONDS: Final = 5.0
AGGREGATIONS_SECONDS: Final = 5.0
"""How long a change of a metric may stay unseen at the door."""

DATABASE_ERRORS: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,  # a standby, during a failover
    psycopg.errors.UndefinedTable,  # a database that is still to be migrated
)


class Api:
    """One process's state. Nothing here connects, or starts a thread, before use."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.publisher = Publisher(settings)
        self.keys = KeyMemory()
        self.rate = RateLimit(settings.rate_limit_per_second, settings.api_workers)
        self.big_bodies = threading.Lock()
        self._database = BoundedCalls(
            "database", settings.api_threads + 2, DATABASE_ERRORS
        )
        self._connections = KeptConnections(settings.database_url)
        self._changes = Changes(
            self._connections, max(1, settings.api_threads // 2), DATABASE_ERRORS
        )
        self._aggregations: dict[int, tuple[float, dict[str, str]]] = {}
        self._odoo = OdooCheck(settings.odoo_url, settings.odoo_ca_file)
        self.dependencies = Dependencies(
            {
                "database": lambda: self.query(_ask, CHECK_SECONDS),
                "broker": lambda: self.publisher.queue_depth(CHECK_SECONDS),
                "odoo": self._odoo,
            }
        )

    def query(
        self,
        function: Callable[[Connection], T],
        timeout_seconds: float = READ_SECONDS,
    ) -> T:
        """The function's result, run in one transaction. Raises Unavailable."""

        def run() -> T:
            with self._connections.transaction() as conn:
                return function(conn)

        return self._database.call(run, timeout_seconds)

    def change(self, function: Callable[[Connection], T]) -> T:
        """As ``query``, for what changes the books and waits for locks: at most half
        of the threads do at a time. Raises BooksBusy or Unavailable."""
        return self._changes.run(function)

    def run_one(self, function: Callable[[Connection], T], timeout_seconds: float) -> T:
        """The result of a function that runs a single statement. Raises Unavailable."""

        def run() -> T:
            with self._connections.single() as conn:
                return function(conn)

        return self._database.call(run, timeout_seconds)

    def close(self) -> None:
        """End what this app has started."""
        self.publisher.close()
        self._odoo.close()
        self._database.close()
        self._changes.close()
        self._connections.close()

    def aggregations(self, service_id: int, timeout_seconds: float) -> dict[str, str]:
        """Aggregation by metric code as far as known: nothing while the database is
        away, since the worker judges every value again."""
        known_until, known = self._aggregations.get(service_id, (0.0, {}))
        if monotonic() < known_until:
            return known
        try:
            known = self.run_one(
                lambda conn: metric_aggregations(conn, service_id), timeout_seconds
            )
        except Unavailable:
            return {}
        self._aggregations[service_id] = (monotonic() + AGGREGATIONS_SECONDS, known)
        return known


def _ask(conn: Connection) -> None:
    conn.execute("SELECT 1")


def current_api() -> Api:
    """The state of the app that answers the current request."""
    api = current_app.extensions[EXTENSION]
    assert isinstance(api, Api)  # noqa: S101 - put there by create_app
    return api
