"""Reads what apps may change back from Odoo after it has taken a change of them.

A pull would bring them too, but later, and one that looks for what was written since
would miss a row that Odoo took without writing. So none is waited for: what a mark, or
a pull that had read too early, left to be looked at is looked at here.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import psycopg
import structlog
from marshmallow import ValidationError

from ledger.catalog_rows import CatalogRowUnknown
from ledger.db import CONTENTION, Connection, Limits, long_work
from ledger.holding import taken_since
from ledger.outgoing import Look, looks_to_take, mark_looked
from odoo_bridge.client import OdooClient
from odoo_bridge.errors import OdooMisconfiguredError
from odoo_bridge.faults import one_line
from odoo_bridge.pull_pages import PAGE_ROWS, read_pages
from odoo_bridge.pull_rows import name_of
from odoo_bridge.write_rows import write_row
from schemas.odoo_rows import read_row

LIMITS: Final = Limits(statement_seconds=200, lock_seconds=20)
"""A row that a person changed meanwhile may have a subscription's usage counted again;
one that takes longer than the task may, is left to the next pull."""

log = structlog.get_logger(__name__)


def read_back(
    client: OdooClient, database_url: str, kind: str, clock: Callable[[], datetime]
) -> int:
    """Read back what is to be looked at again, at most a page; answers how many rows.

    Safe to repeat: it writes what Odoo has. Raises OdooError.
    """
    with long_work(database_url, LIMITS) as conn:
        looks = looks_to_take(conn, kind, PAGE_ROWS)
        if not looks:
            return 0
        read_at = clock()
        rows = _fetch(client, kind, looks)
        for look in looks:
            _take(conn, kind, look, rows.get(look.odoo_id), read_at)
    return len(looks)


def _fetch(client: OdooClient, kind: str, looks: list[Look]) -> dict[int, Any]:
    """Odoo's rows by id; one that is gone is in none of its pages."""
    ids = [look.odoo_id for look in looks]
    rows = (row for page in read_pages(client, kind, ids=ids) for row in page.rows)
    try:
        return {int(row["id"]): row for row in rows}
    except (KeyError, TypeError, ValueError) as error:
        raise OdooMisconfiguredError(
            "export_catalog answered something else than a page of rows; another "
            "version of the addon is installed in Odoo"
        ) from error


def _take(conn: Connection, kind: str, look: Look, row: Any, read_at: datetime) -> None:
    """Write a row, and note that it was read; one that is gone is not for us to judge.

    What cannot be written is left to the pull, which reports it.
    """
    try:
        with conn.transaction():
            if row is not None:
                _write(conn, kind, row, look.odoo_id, read_at)
            mark_looked(conn, kind, [look])
    except CONTENTION as error:
        log.warning("read_back_put_off", kind=kind, reason=one_line(str(error)))
    except (
        ValidationError,
        CatalogRowUnknown,
        psycopg.DataError,
        psycopg.IntegrityError,
    ) as error:
        log.warning("read_back_refused", kind=kind, reason=one_line(str(error)))
        mark_looked(conn, kind, [look])


def _write(
    conn: Connection, kind: str, row: Any, odoo_id: int, read_at: datetime
) -> None:
    service, entry = read_row(kind, row)
    if not taken_since(conn, kind, service, name_of(kind, entry, odoo_id), read_at):
        write_row(conn, kind, row, service, entry, odoo_id)
