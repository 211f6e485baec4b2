"""Sends again what an Odoo that was restored from a backup has lost.

A pull notices it (odoo_bridge/horizon.py). Rollups and apps' records are marked before
its first row is taken, bills when all invoices have been seen; the tasks that push,
send and close do the rest. PDFs that it printed are forgotten. What a person or a
catalog file made in Odoo is Odoo's own: it is told as deleted, and to be made there
again.
"""

from datetime import datetime
from typing import Final

import structlog

from ledger.db import Limits, long_work
from ledger.documents import forget_documents
from ledger.pulling import Pull
from ledger.resending import bill_again, send_changes_again, send_rollups_again

LIMITS: Final = Limits(statement_seconds=200, lock_seconds=20)

log = structlog.get_logger(__name__)


def send_lost(database_url: str, now: datetime) -> None:
    """Mark what was sent as not sent. Safe to repeat: see ledger/resending.py."""
    with long_work(database_url, LIMITS) as conn:
        changes = send_changes_again(conn, now)
        rollups = send_rollups_again(conn, now)
        forget_documents(conn)
    log.warning("odoo_restored_sending_again", rollups=rollups, changes=changes)


def bill_lost(database_url: str, last: Pull, now: datetime) -> None:
    """Mark bills as due whose invoices are gone. Safe to repeat until it is noted.

    ``last``: the last pull of invoices, of the Odoo that had them.
    """
    with long_work(database_url, LIMITS) as conn:
        bills = bill_again(conn, last.full_at or last.watermark, now)
    if bills:
        log.warning("odoo_restored_billing_again", bills=bills)
