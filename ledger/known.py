"""What the ledger knows by name, as last pulled from Odoo."""

from collections.abc import Collection

from ledger.db import Connection
from ledger.queries import load_queries

_SQL = load_queries("known")


def known_names(
    conn: Connection, service: str, part: str, names: Collection[str]
) -> set[str]:
    """Those of the names that the service has.

    ``part``: metrics, plans (by code), customers, subscriptions (by external id).
    """
    values = {"service": service, "names": list(names)}
    return {row[0] for row in conn.execute(_SQL[f"known_{part}"], values)}


def known_service(conn: Connection, code: str) -> tuple[str, str] | None:
    """Name and mode of the service; None when there is none."""
    row = conn.execute(_SQL["known_service"], {"service": code}).fetchone()
    return None if row is None else (row[0], row[1])
