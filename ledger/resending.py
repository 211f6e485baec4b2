"""Sending again what Odoo has lost: it was restored from a backup, or is another.

The ledger's marks say what the Odoo of before has taken. Values are absolute, a change
of an app's is taken once, and a bill is answered with the invoice that is there: so
what Odoo has all the same is not changed, counted or billed twice.
"""

from datetime import datetime
from typing import Final

from ledger.catalog_read import METRIC_FIELDS, PLAN_FIELDS
from ledger.db import Connection
from ledger.drift import FIRST
from ledger.holding import SUBSCRIPTION_FIELDS
from ledger.queries import load_queries

PAGE_ROWS: Final = 2_000

_SQL = load_queries("resending")


def send_rollups_again(conn: Connection, now: datetime) -> int:
    """Have every rollup pushed again; answers how many.

    Outside a transaction: a page commits at a time, so that no fold waits for all of
    them. Again pushes them once more, which changes nothing.
    """
    names = ("subscription_id", "metric_id", "period_start", "usage_start")
    after, sent = FIRST, 0
    while True:
        values = dict(zip(names, after, strict=True))
        page = conn.execute(
            _SQL["send_rollups_again"], {**values, "limit": PAGE_ROWS, "now": now}
        ).fetchall()
        if not page:
            return sent
        sent += len(page)
        after = max(page)


def send_changes_again(conn: Connection, now: datetime) -> int:
    """Have every record that apps made or changed sent again, as it is here.

    Before it is pulled from the Odoo that is behind: until it is sent, the ledger's
    values stay. Answers how many. Again sends what Odoo has taken by then.
    """
    values = {
        "subscription_fields": list(SUBSCRIPTION_FIELDS),
        "metric_fields": list(METRIC_FIELDS[1:]),
        "plan_fields": list(PLAN_FIELDS[1:]),
        "now": now,
    }
    return conn.execute(_SQL["send_changes_again"], values).rowcount


def bill_again(conn: Connection, seen_at: datetime, now: datetime) -> int:
    """Have the bills made again whose invoices are gone; answers how many.

    After all invoices were pulled. ``seen_at``: when that was done last before. Again
    finds those that were billed since with their invoices, or not pulled yet: Odoo
    answers for these with the same invoice.
    """
    values = {"seen_at": seen_at, "now": now}
    return conn.execute(_SQL["bill_again"], values).rowcount
