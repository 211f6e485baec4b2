"""Looking for reached thresholds until nothing that changed is left to look at."""

from collections.abc import Callable
from datetime import datetime
from time import monotonic

import structlog

from ledger.db import transaction
from ledger.threshold_check import check_round

BUDGET_SECONDS = 10.0
"""Then it stops, within a task's time limit; the next kick goes on."""

log = structlog.get_logger()


def check_thresholds(database_url: str, clock: Callable[[], datetime]) -> int:
    """Tell what was reached, a transaction per round; returns how many levels.

    May run twice, or twice at once. Raises psycopg.Error when the database does not
    answer.
    """
    stop_at, reached = monotonic() + BUDGET_SECONDS, 0
    while monotonic() < stop_at:
        with transaction(database_url) as conn:
            done = check_round(conn, clock())
        for subscription, reason in done.failures:
            log.error("usage_not_rated", subscription=subscription, reason=reason)
        if done.reached:
            log.info("thresholds_reached", levels=done.reached)
        if not done.looked_at:
            break
        reached += done.reached
    return reached
