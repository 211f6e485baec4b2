"""How tasks are acknowledged, and how long each may take."""

from typing import Any, Final

from schemas.messages import (
    APPLY_PARKED,
    CHECK_DRIFT,
    CHECK_ODOO,
    CHECK_THRESHOLDS,
    CLOSE_PERIODS,
    DELIVER_WEBHOOKS,
    FETCH_DOCUMENTS,
    FOLLOW_SUBSCRIPTIONS,
    FREEZE_PERIODS,
    PULL_CATALOG,
    PUSH_ROLLUPS,
    REVIEW_PARKED,
    SEND_CHANGES,
    TAKE_EVENTS,
)
from schemas.settings import Settings

KICKS: Final = (
    APPLY_PARKED,
    CHECK_DRIFT,
    CHECK_ODOO,
    CHECK_THRESHOLDS,
    CLOSE_PERIODS,
    DELIVER_WEBHOOKS,
    FETCH_DOCUMENTS,
    FOLLOW_SUBSCRIPTIONS,
    FREEZE_PERIODS,
    PULL_CATALOG,
    PUSH_ROLLUPS,
    REVIEW_PARKED,
    SEND_CHANGES,
    TAKE_EVENTS,
)
"""Tasks that carry nothing and only say "look now"; losing one costs a beat."""

_KICK_SOFT_SECONDS: Final = 240
_KICK_HARD_SECONDS: Final = 300
# A pull may have usage counted again: statements of up to 10 minutes each, one set for
# each subscription of a plan. Its own limits are the database's; this is the last one.
_PULL_SOFT_SECONDS: Final = 3600
# A comparison with Odoo has the same: it looks at all there ever was.
_PULL_HARD_SECONDS: Final = 3660


def task_settings(settings: Settings) -> dict[str, Any]:
    """The Celery settings of all tasks, and of the kicks beside them."""
    # The time limit stays at most half the visibility timeout: a message in work
    # must never become visible to another worker.
    hard = min(30, settings.visibility_timeout_seconds // 2)
    kick = {
        "acks_late": False,
        "reject_on_worker_lost": False,
        "soft_time_limit": _KICK_SOFT_SECONDS,
        "time_limit": _KICK_HARD_SECONDS,
    }
    pull = {
        **kick,
        "soft_time_limit": _PULL_SOFT_SECONDS,
        "time_limit": _PULL_HARD_SECONDS,
    }
    return {
        "task_ignore_result": True,
        "task_acks_late": True,
        # A failure that the task did not deal with itself rejects the message, and a
        # rejected message goes to the dead letters; acknowledging it would drop it.
        "task_acks_on_failure": False,
        "task_acks_on_timeout": False,
        "task_reject_on_worker_lost": True,
        "task_soft_time_limit": max(1, hard * 5 // 6),
        "task_time_limit": hard,
        "task_annotations": {
            **dict.fromkeys(KICKS, kick),
            PULL_CATALOG: pull,
            CHECK_DRIFT: pull,
        },
    }
