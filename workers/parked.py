"""What apps are told once an hour: counters that wait too long, and those that were
rejected. What waits is given up in the end."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice

import structlog
from celery.exceptions import SoftTimeLimitExceeded

from ledger.db import transaction
from ledger.giving_up import bury_expired, services_with_expired
from ledger.parked_reports import report_errors, services_to_report
from workers.pages import in_pages

MAX_PAGES = 20
"""Of a service in one run, which other batches wait behind; the next run goes on."""

log = structlog.get_logger()


def review_parked(
    database_url: str,
    dead_after: timedelta,
    clock: Callable[[], datetime],
    max_pages: int = MAX_PAGES,
) -> None:
    """Report what is due, then give up what has waited for ``dead_after``.

    A transaction for each report and page. One service's fault is logged and holds up
    no other; it is tried again next time. Two that run at once share the work. Raises
    psycopg.Error when the database does not answer at all.
    """
    with transaction(database_url) as conn:
        to_report = services_to_report(conn, clock())
        expired = services_with_expired(conn, dead_after, clock())
    for service_id in to_report:
        _report(database_url, service_id, clock)
    for service_id in expired:
        _give_up(database_url, service_id, dead_after, clock, max_pages)


def _report(database_url: str, service_id: int, clock: Callable[[], datetime]) -> None:
    try:
        with transaction(database_url) as conn:
            report = report_errors(conn, service_id, clock())
    except Exception:  # of whatever kind: the services after it go on
        log.exception("parked_not_reported", service_id=service_id)
        return
    if report is not None:
        oldest_at = report.oldest_parked_at
        log.warning(
            "counters_not_counted",
            service=report.service,
            parked=report.parked,
            oldest=None if oldest_at is None else oldest_at.isoformat(),
            rejected=report.rejected,
            external_subscription_ids=report.subscriptions,
        )


def _give_up(
    database_url: str,
    service_id: int,
    dead_after: timedelta,
    clock: Callable[[], datetime],
    max_pages: int,
) -> None:
    total = 0
    try:
        pages = in_pages(
            database_url,
            lambda conn, share: bury_expired(
                conn, service_id, dead_after, clock(), share
            ),
        )
        for page in islice(pages, max_pages):
            total += page
    except SoftTimeLimitExceeded:
        raise
    except Exception:  # of whatever kind: the services after it go on
        log.exception("parked_not_buried", service_id=service_id)
    finally:
        if total:
            log.error("parked_dead", service_id=service_id, counters=total)
