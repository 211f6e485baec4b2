"""The comparison of every night: once, by whichever worker comes first."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from ledger.catalog import mark_sync_failed
from ledger.db import connect as connect_ledger
from ledger.drift import SYNC_KIND, LastLook, last_look, lock_drift
from odoo_bridge.client import connect
from odoo_bridge.difference import Page
from odoo_bridge.drift import PULL_PAUSE_SECONDS, Findings, find_drift
from odoo_bridge.errors import OdooError
from odoo_bridge.faults import one_line
from schemas.settings import Settings

AFTER_FAILURE: Final = timedelta(minutes=10)
FIRST_NIGHT: Final = timedelta(hours=1)
MAX_LOGGED: Final = 100
"""Differences of one night that have a line in the log; the last line has the sum."""

log = structlog.get_logger(__name__)


def check_drift_nightly(
    settings: Settings,
    clock: Callable[[], datetime],
    pause_seconds: float = PULL_PAUSE_SECONDS,
) -> bool:
    """Compare everything if that was not done since tonight's hour (UTC), and report.

    Never repairs. Safe to call as often as one likes, and by several at once: an
    advisory lock lets one in. One that was cut off begins again. Answers whether it has
    compared. Raises OdooError, and psycopg.OperationalError.
    """
    with connect_ledger(settings.database_url) as conn:
        conn.autocommit = True
        if not lock_drift(conn):
            return False
        now = clock()
        if not is_due(last_look(conn), now, settings.drift_hour):
            return False
        try:
            with connect(settings) as client:
                findings = Findings(client, conn, None, now)
                pause = partial(time.sleep, pause_seconds)
                for page in find_drift(client, conn, None, pause):
                    _log_page(page, MAX_LOGGED - findings.total)
                    findings.add(page)
                findings.finish()
        except OdooError as error:
            mark_sync_failed(conn, SYNC_KIND, one_line(str(error)), now)
            raise
    log.info("drift_checked", compared=findings.compared, differences=findings.total)
    return True


def is_due(last: LastLook, now: datetime, hour: int) -> bool:
    """Whether no comparison has begun since the hour came last.

    One that failed is tried again after a while. The first of a ledger waits for the
    night: when all begins, catalogs are still on their way.
    """
    begin = now.replace(hour=hour, minute=0, second=0, microsecond=0)
    if begin > now:
        begin -= timedelta(days=1)
    if last.failed_at is not None and now - last.failed_at < AFTER_FAILURE:
        return False
    if last.began_at is None:
        return now - begin < FIRST_NIGHT
    return last.began_at < begin


def _log_page(page: Page, lines: int) -> None:
    for found in page.differences[: max(lines, 0)]:
        log.warning(
            "drift_found",
            service=found.service,
            kind=found.kind,
            level=found.level,
            subject=found.subject,
            field=found.field,
            ledger_value=found.ledger_value,
            odoo_value=found.odoo_value,
        )
