"""Checks Odoo now and then, keeps what was found, and says it in the log."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from ledger.db import transaction
from ledger.odoo_check import (
    claim_key_warning,
    describe_expiry,
    expires_soon,
    read_check,
    save_check,
)
from odoo_bridge.check import check_odoo
from odoo_bridge.check_report import Report
from odoo_bridge.failure_log import FailureLog
from schemas.settings import Settings

EVERY: Final = timedelta(hours=1)
"""Once all is well; a problem is looked at again each time, to see its end."""

log = structlog.get_logger(__name__)


class Announcer:
    """Says what a check has found: at the start of a process, and when it changes."""

    def __init__(self, failures: FailureLog) -> None:
        self._failures = failures
        self._pid = 0

    @property
    def silent(self) -> bool:
        """Whether this process has said nothing yet."""
        return self._pid != os.getpid()

    def forget(self) -> None:
        """As in a new process."""
        self._pid = 0

    def announce(self, report: Report) -> None:
        """One line of what was found, and one of what is wrong."""
        found = report.found
        if self.silent and found is not None:
            log.info(
                "odoo_checked",
                where=report.where,
                odoo=found.odoo,
                addon=found.addon,
                user=found.user,
                company=found.company,
                warnings=list(report.warnings),
            )
        self._pid = os.getpid()
        if report.problem is None:
            self._failures.succeeded("odoo_check_failed")
            return
        level = "warning" if report.passes else "error"
        more = {"where": report.where, "reason": report.problem}
        self._failures.failed(level, "odoo_check_failed", report.problem, **more)


def check_when_due(
    settings: Settings, announcer: Announcer, clock: Callable[[], datetime]
) -> None:
    """Check Odoo if this process, this hour or the last problem asks for it.

    Safe to repeat, and to run several times at once: it changes nothing in Odoo, and
    of the ledger only what the later one found. Raises psycopg.OperationalError.
    """
    with transaction(settings.database_url) as conn:
        last = read_check(conn)
    fresh = last is not None and clock() - last.checked_at < EVERY
    if fresh and last is not None and last.problem is None and not announcer.silent:
        return
    report = check_odoo(settings, clock)
    now = clock()
    with transaction(settings.database_url) as conn:
        save_check(conn, report.problem, report.seen, now)
        kept = read_check(conn)
        ends = kept.key_expires_at if kept else None
        warns = expires_soon(ends, now) and claim_key_warning(conn, now)
    announcer.announce(report)
    if warns and ends is not None:
        log.warning("odoo_key_expires", expiry=describe_expiry(ends, now))
