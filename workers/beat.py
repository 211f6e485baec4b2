"""What is looked at how often, and a scheduler that never queues a kick twice.

A kick carries nothing: its task claims whatever is due, under a lease, so a kick too
many costs one empty query and a second beat changes nothing. That is why there is no
lock on beat: with idempotent slots, nothing has to be held, renewed or broken open
when the holder is frozen. What is guarded is the pile: while some kicks wait in a queue
that holds nothing but kicks, none is added, however long its worker is away. The rarer
a task, the more may wait before it, so that the frequent ones never take its place.
"""

from typing import Any

from celery.beat import Scheduler

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
    ODOO_QUEUE,
    ODOO_READS_QUEUE,
    PULL_CATALOG,
    PUSH_ROLLUPS,
    REVIEW_PARKED,
    ROUTES,
    SEND_CHANGES,
    TAKE_EVENTS,
    WEBHOOK_QUEUE,
)

EVERY_SECONDS = {
    PUSH_ROLLUPS: 1,
    DELIVER_WEBHOOKS: 2,
    SEND_CHANGES: 2,
    TAKE_EVENTS: 3,
    CHECK_THRESHOLDS: 5,
    CLOSE_PERIODS: 5,
    FOLLOW_SUBSCRIPTIONS: 15,
    FETCH_DOCUMENTS: 10,
    PULL_CATALOG: 30,
    APPLY_PARKED: 60,
    REVIEW_PARKED: 60,
    FREEZE_PERIODS: 60,
    CHECK_DRIFT: 60,
    CHECK_ODOO: 60,
}
EXPIRES_SECONDS = 60
KICK_QUEUES = frozenset({ODOO_QUEUE, ODOO_READS_QUEUE, WEBHOOK_QUEUE})


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


def most_waiting(task: str) -> int:
    """How many kicks may wait in the task's queue for one of its own to be added.

    One for each task of the queue, and one more for each that is more frequent.
    """
    own = (EVERY_SECONDS[task], task)
    queue = [
        (seconds, each)
        for each, seconds in EVERY_SECONDS.items()
        if ROUTES[each] == ROUTES[task]
    ]
    return len(queue) + sum(other < own for other in queue)


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
            if queue in KICK_QUEUES and self._waiting(queue, pooled) >= most_waiting(
                entry.task
            ):
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
