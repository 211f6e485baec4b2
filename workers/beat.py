"""What is looked at how often, and a scheduler that never queues a kick twice.

A kick carries nothing: its task claims whatever is due, under a lease, so a kick too
many costs one empty query and a second beat changes nothing. That is why there is no
lock on beat: with idempotent slots, nothing has to be held, renewed or broken open
when the holder is frozen. What is guarded is the pile: while one kick waits in a queue
that holds nothing but kicks, none is added, however long its worker is away.
"""

from typing import Any

from celery.beat import Scheduler

from schemas.messages import (
    APPLY_PARKED,
    CLOSE_PERIODS,
    CHECK_DRIFT,
    CHECK_ODOO,
    DELIVER_WEBHOOKS,
    FREEZE_PERIODS,
    ODOO_QUEUE,
    PULL_CATALOG,
    PUSH_ROLLUPS,
    REVIEW_PARKED,
    ROUTES,
    TAKE_EVENTS,
    SEND_CHANGES,
    WEBHOOK_QUEUE,
)

EVERY_SECONDS = {
    PUSH_ROLLUPS: 1,
    DELIVER_WEBHOOKS: 2,
    TAKE_EVENTS: 3,
    CLOSE_PERIODS: 5,
    SEND_CHANGES: 2,
    PULL_CATALOG: 30,
    APPLY_PARKED: 60,
    REVIEW_PARKED: 60,
    FREEZE_PERIODS: 60,
    CHECK_DRIFT: 60,
    CHECK_ODOO: 60,
}
EXPIRES_SECONDS = 60
KICK_QUEUES = frozenset({ODOO_QUEUE, WEBHOOK_QUEUE})
MAX_WAITING = 3
"""Kicks that may wait in one queue: those of its other tasks must find a place."""
"""Kicks that may wait in one queue: those of the other tasks must find a place."""


def beat_schedule() -> dict[str, dict[str, Any]]:
    """Celery's schedule: each kick by name, its interval and when it is stale."""
    return {
        task: {
            "task": task,
            "schedule": float(seconds),
            "options": {"expires": EXPIRES_SECONDS},
        }
        for task, seconds in EVERY_SECONDS.items()
    }


class KickScheduler(Scheduler):
    """Keeps the schedule in memory: after a restart everything is simply due."""

    def apply_async(
        self, entry: Any, producer: Any = None, advance: bool = True, **kwargs: Any
    ) -> Any:
        """Send the kick unless enough of them wait; then None.

        Connections come from the pool, which replaces a broken one; the scheduler's
        own producer would stay broken on RabbitMQ.
        """
        with self.app.producer_or_acquire() as pooled:
            queue = ROUTES[entry.task]
            if queue in KICK_QUEUES and self._waiting(queue, pooled) >= MAX_WAITING:
                return None
            return super().apply_async(
                entry, producer=pooled, advance=advance, **kwargs
            )

    def _waiting(self, name: str, producer: Any) -> int:
        """Messages in the queue, which is declared when it does not exist."""
        queue = self.app.amqp.queues[name](producer.channel)
        producer.maybe_declare(queue)
        declared = producer.channel.queue_declare(
            queue=name, durable=True, auto_delete=False, arguments=queue.queue_arguments
        )
        return int(declared.message_count)
