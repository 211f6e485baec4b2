"""Doing what has become due of subscriptions by the mere time."""

from collections.abc import Callable
from datetime import datetime

import structlog
from celery.exceptions import SoftTimeLimitExceeded

from ledger.db import transaction
from ledger.due_subscriptions import STEPS, Act, Key

log = structlog.get_logger()


def follow_subscriptions(database_url: str, clock: Callable[[], datetime]) -> int:
    """Begin planned plans, tell of starts and ends; answers of how many subscriptions.

    Each in a transaction of its own: one's fault is logged, and tried again next time.
    May run twice, or twice at once. Raises psycopg.Error when the database does not
    answer at all.
    """
    done = 0
    for find, act in STEPS:
        with transaction(database_url) as conn:
            keys = find(conn, clock())
        done += sum(_act(database_url, act, key, clock) for key in keys)
    return done


def _act(database_url: str, act: Act, key: Key, clock: Callable[[], datetime]) -> bool:
    try:
        with transaction(database_url) as conn:
            act(conn, key, clock())
    except SoftTimeLimitExceeded:
        raise
    except Exception:  # of whatever kind: those after it go on
        log.exception("subscription_not_followed", service_id=key[0])
        return False
    return True
