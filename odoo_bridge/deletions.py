"""Notices what the ledger has and Odoo no longer: see ``ledger/pulling.py``.

Seen on a full pull, whose pages hold all that there is: what the ledger has between two
ids of Odoo's and the page has not is asked for once more by its ids, since a page is
older than what was written while it was on its way. What is not answered then, or under
another name, is marked, and told once.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

import structlog
from marshmallow import ValidationError

from ledger.db import Connection, transaction
from ledger.pulling import Lost, Seen, mark_lost, note_present
from odoo_bridge.client import OdooClient
from odoo_bridge.pull_pages import PAGE_ROWS, read_pages
from odoo_bridge.pull_rows import name_of
from schemas.odoo_rows import read_row

TOLD: Final = 20
"""Log lines of one pull; more of them would say the same."""

log = structlog.get_logger(__name__)


def note_back(conn: Connection, kind: str, page: list[Seen]) -> None:
    """Take the mark off what Odoo shows again, and tell it. Again does nothing."""
    if back := note_present(conn, kind, page):
        log.info("back_in_odoo", kind=kind, ids=back[:TOLD], records=len(back))


def note_deleted(
    client: OdooClient,
    database_url: str,
    kind: str,
    absent: Collection[int],
    refused: Collection[int],
    now: datetime,
) -> None:
    """Mark those of the absent ids that Odoo has not got, and tell them.

    ``refused``: ids that it has, of rows that could not be taken: their names do not
    count. Again marks nothing anew. Raises OdooError.
    """
    lost: list[Lost] = []
    ids = sorted(absent)
    for first in range(0, len(ids), PAGE_ROWS):
        chunk = ids[first : first + PAGE_ROWS]
        shown = [
            _seen(kind, row, refused)
            for page in read_pages(client, kind, ids=chunk)
            for row in page.rows
        ]
        known = [seen for seen in shown if seen is not None]
        with transaction(database_url) as conn:
            lost += mark_lost(conn, kind, chunk, known, now)
    for record in lost[:TOLD]:
        log.warning("deleted_in_odoo", kind=kind, **vars(record))
    if len(lost) > TOLD:
        log.warning("deleted_in_odoo_too", kind=kind, records=len(lost) - TOLD)


def _seen(kind: str, row: Any, refused: Collection[int]) -> Seen | None:
    key = row.get("id") if isinstance(row, dict) else None
    if type(key) is not int:
        return None
    try:
        service, entry = read_row(kind, row)
    except ValidationError:
        return Seen(key, None, None)
    if key in refused:
        return Seen(key, None, None)
    return Seen(key, service, name_of(kind, entry, key))
