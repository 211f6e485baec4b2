"""The workers' tasks: a decorator, a transaction and one call each."""

import os
import random
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from celery import Task, shared_task
from celery.exceptions import Reject

from schemas.messages import (
    APPLY_PARKED,
    CHECK_THRESHOLDS,
    DELIVER_WEBHOOKS,
    FOLD_BATCH,
    FOLLOW_SUBSCRIPTIONS,
    FREEZE_PERIODS,
    REVIEW_PARKED,
)
from schemas.settings import Settings, load_settings
from workers.company import Handed, fold_handed
from workers.fold import Trouble
from workers.freeze import freeze_all
from workers.parked import review_parked
from workers.subscriptions import follow_subscriptions
from workers.thresholds import check_thresholds
from workers.unpark import unpark_all
from workers.waiting import WaitingBatches
from workers.webhooks import PumpSummary, pump

PUMP_SECONDS = 12.0  # and at most 15 of draining: within the time to stop


@cache
def _settings() -> Settings:
    return load_settings(os.environ)


@cache
def _waiting(app: Any) -> WaitingBatches:
    return WaitingBatches(app.connection_for_read)


@shared_task(name=FOLD_BATCH, bind=True)
def fold_batch(self: "Task[Any, Any]", message: Any) -> None:
    """Fold one batch, and what waits behind it. On trouble it waits and goes back."""
    again = bool((self.request.delivery_info or {}).get("redelivered"))
    handed = Handed(message, str(self.request.id), again)
    try:
        fold_handed(_settings(), handed, _waiting(self.app), datetime.now(UTC))
    except Trouble as error:
        time.sleep(random.uniform(0.5, 1.5))
        raise Reject(error, requeue=True) from error


@shared_task(name=APPLY_PARKED)
def apply_parked_counters() -> None:
    """Apply what the catalog has brought a subscription or metric for."""
    unpark_all(_settings().database_url, lambda: datetime.now(UTC))


@shared_task(name=REVIEW_PARKED)
def review_parked_counters() -> None:
    """Tell apps of what is not counted; give up what nothing brings home."""
    dead_after = timedelta(days=_settings().parked_dead_days)
    review_parked(_settings().database_url, dead_after, lambda: datetime.now(UTC))


@shared_task(name=FREEZE_PERIODS)
def freeze_periods() -> None:
    """Freeze the periods whose grace is over, and seal what is frozen."""
    freeze_all(_settings().database_url, lambda: datetime.now(UTC))


@shared_task(name=CHECK_THRESHOLDS)
def check_usage_thresholds() -> None:
    """Tell which thresholds changed usage has reached."""
    check_thresholds(_settings().database_url, lambda: datetime.now(UTC))


@shared_task(name=FOLLOW_SUBSCRIPTIONS)
def follow_subscriptions_by_time() -> None:
    """Begin planned plans, and tell of starts and ends that have come."""
    follow_subscriptions(_settings().database_url, lambda: datetime.now(UTC))


@shared_task(name=DELIVER_WEBHOOKS)
def deliver_webhooks() -> PumpSummary:
    """Send the webhooks that are due, and those that fall due while it runs."""
    settings = _settings()
    return pump(
        settings.database_url,
        settings.secret_key,
        issuer=settings.issuer,
        allow_loopback=settings.webhook_allow_loopback,
        seconds=PUMP_SECONDS,
    )
