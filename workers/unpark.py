"""Applying parked counters of every service, each service by itself."""

from collections.abc import Callable
from datetime import datetime

import structlog
from celery.exceptions import SoftTimeLimitExceeded

from ledger.db import transaction
from ledger.unparking import apply_parked, services_with_parked
from workers.pages import in_pages

log = structlog.get_logger()


def unpark_all(database_url: str, clock: Callable[[], datetime]) -> int:
    """Apply what is ripe, a transaction per page; returns how many left the lot.

    One service's fault is logged and holds up no other; it is tried again next time.
    When the task's time is over, the next one goes on. Raises psycopg.Error when the
    database does not answer at all.
    """
    with transaction(database_url) as conn:
        services = services_with_parked(conn)
    return sum(_unpark(database_url, service_id, clock) for service_id in services)


def _unpark(database_url: str, service_id: int, clock: Callable[[], datetime]) -> int:
    applied = 0
    try:
        for page in in_pages(
            database_url,
            lambda conn, share: apply_parked(conn, service_id, clock(), share),
        ):
            applied += page
            log.info("parked_applied", service_id=service_id, counters=page)
    except SoftTimeLimitExceeded:
        raise
    except Exception:  # of whatever kind: the services after it go on
        log.exception("parked_not_applied", service_id=service_id)
    return applied
