"""Freezing what is due, of every service, and sealing what is frozen."""

from collections.abc import Callable
from datetime import datetime
from time import monotonic

import structlog

from ledger.chain import seal_page
from ledger.db import connect, transaction
from ledger.freezing import freeze_round, services_with_due

BUDGET_SECONDS = 30.0
"""Then it stops, within a task's time limit; the next kick goes on."""

log = structlog.get_logger()


def freeze_all(database_url: str, clock: Callable[[], datetime]) -> int:
    """Freeze what is due, a transaction per round; returns how many periods.

    May run twice, or twice at once. One service's fault is logged and holds up no
    other. Raises psycopg.Error when the database does not answer at all.
    """
    stop_at = monotonic() + BUDGET_SECONDS
    with transaction(database_url) as conn:
        services = services_with_due(conn, clock())
    frozen = sum(_freeze(database_url, key, clock, stop_at) for key in services)
    _seal(database_url, stop_at)
    return frozen


def _freeze(
    database_url: str,
    service_id: int,
    clock: Callable[[], datetime],
    stop_at: float,
) -> int:
    frozen = 0
    while monotonic() < stop_at:
        try:
            with transaction(database_url) as conn:
                done = freeze_round(conn, service_id, clock())
        except Exception:  # of whatever kind: the services after it go on
            log.exception("periods_not_frozen", service_id=service_id)
            return frozen
        for subscription, reason in done.failures:
            log.error(
                "period_not_rated",
                service_id=service_id,
                subscription=subscription,
                reason=reason,
            )
        if done.frozen:
            log.info("periods_frozen", service_id=service_id, periods=done.frozen)
        if not done.looked_at:
            return frozen
        frozen += done.frozen
    return frozen


def _seal(database_url: str, stop_at: float) -> None:
    """On a connection of its own: a long period's counters take their time."""
    with connect(database_url) as conn:
        while monotonic() < stop_at and seal_page(conn):
            conn.commit()
