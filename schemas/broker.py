"""How every process talks to the broker: queues, routes, timeouts, Redis or RabbitMQ.

One function makes the Celery settings of both ends, so that publisher and worker
cannot disagree about a queue.
"""

import ssl
from typing import Any, Final
from urllib.parse import urlsplit

import amqp.exceptions
import kombu.exceptions
import redis.exceptions
from kombu import Exchange, Queue

from schemas.messages import (
    QUEUES,
    ROUTES,
    USAGE_QUEUE,
)
from schemas.settings import Settings
from schemas.task_settings import task_settings

ATOMIC_SCHEME: Final = "redis-atomic"
"""URL scheme of the Redis transport that takes and records a message in one step."""

DEAD_LETTER_QUEUE: Final = "dead-letters"
"""Where the broker puts what was rejected for good. On Redis a list of this name."""

EXCHANGE: Final = Exchange("fusion-billing", type="direct", durable=True)
DEAD_LETTER_EXCHANGE: Final = Exchange("dead-letters", type="fanout", durable=True)

PUBLISH_ERRORS: Final[tuple[type[Exception], ...]] = (
    kombu.exceptions.KombuError,
    amqp.exceptions.AMQPError,
    redis.exceptions.RedisError,
    OSError,
)
"""What ``send_task`` raises when the broker did not take the message for certain."""

# Frozen, RabbitMQ costs one wait for the confirm and two for closing the connection.
_PUBLISH_SECONDS: Final = 0.7
_CLOSE_SECONDS: Final = 0.5
_CONSUME_SECONDS: Final = 3
_RABBITMQ_PREFETCH: Final = 4
# Kombu reconnects without end before it publishes: an API request, or a worker's event
# loop when it only wants to send a heartbeat. Consuming has its own endless retry.
_GIVE_UP_AT_ONCE: Final = {
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}
# The ledger counts attempts and dead-letters a poison with its reason. RabbitMQ counts
# every return, also of what waits out a database outage at about one a second, so its
# limit is only the last resort: against what kills workers before they can count.
_DELIVERY_LIMIT: Final = 10_000


def celery_settings(settings: Settings, *, consumer: bool) -> dict[str, Any]:
    """The Celery settings of a publisher, or with ``consumer`` of worker, beat, Flower.

    A publisher gives up within 2 seconds when the broker refuses, is frozen, or does
    not confirm: ``send_task`` then raises one of PUBLISH_ERRORS, which does not mean
    that the message was not stored.
    """
    on_redis = is_redis(settings.broker_url)
    result = {
        **_message_settings(settings),
        **task_settings(settings),
        "broker_url": settings.broker_url,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": (
            _redis_options(settings, consumer=consumer)
            if on_redis
            else _rabbitmq_options(consumer=consumer)
        ),
    }
    if urlsplit(settings.broker_url).scheme == "rediss":
        result["broker_use_ssl"] = {"ssl_cert_reqs": ssl.CERT_REQUIRED}
    if consumer:
        result |= _worker_settings(settings)
        if on_redis:
            result["broker_read_url"] = atomic_url(settings.broker_url)
    else:
        result |= {
            "broker_connection_timeout": _PUBLISH_SECONDS,
            "broker_pool_limit": settings.api_threads + 2,
            "broker_pool_acquire_timeout": _PUBLISH_SECONDS,
        }
    return result


def is_redis(broker_url: str) -> bool:
    """True for redis:// and rediss://."""
    return urlsplit(broker_url).scheme in ("redis", "rediss")


def atomic_url(broker_url: str) -> str:
    """The same Redis under the scheme of the atomic transport, for consumers only.

    Publishers, beat and Flower keep the stock scheme: LPUSH is safe as it is, and
    Flower recognises brokers by their scheme.
    """
    return ATOMIC_SCHEME + broker_url[broker_url.index("://") :]


def task_queues(settings: Settings) -> tuple[Queue, ...]:
    """The queues as both ends declare them; on RabbitMQ replicated quorum queues."""
    return tuple(
        Queue(
            name,
            exchange=EXCHANGE,
            routing_key=name,
            durable=True,
            queue_arguments=_queue_arguments(settings, name),
        )
        for name in QUEUES
    )


def dead_letter_queue() -> Queue:
    """RabbitMQ's last stop, declared by the workers."""
    return Queue(
        DEAD_LETTER_QUEUE,
        exchange=DEAD_LETTER_EXCHANGE,
        routing_key="",
        durable=True,
        queue_arguments={"x-queue-type": "quorum"},
    )


def _queue_arguments(settings: Settings, name: str) -> dict[str, Any]:
    if is_redis(settings.broker_url):
        return {}
    arguments: dict[str, Any] = {
        "x-queue-type": "quorum",
        "x-overflow": "reject-publish",  # at-least-once dead-lettering requires it
        "x-delivery-limit": _DELIVERY_LIMIT,
    }
    if name == USAGE_QUEUE:
        # Kicks carry nothing, so theirs may vanish; an expired one is no dead letter.
        arguments |= {
            "x-dead-letter-exchange": DEAD_LETTER_EXCHANGE.name,
            "x-dead-letter-strategy": "at-least-once",
        }
    return arguments


def _message_settings(settings: Settings) -> dict[str, Any]:
    # Routes carry options of the publish call: RabbitMQ must return what it cannot
    # route (a confirm alone also covers messages to a deleted queue), and must
    # confirm in time. Without argsrepr Celery takes the repr of the whole batch.
    options = {"mandatory": True, "confirm_timeout": _PUBLISH_SECONDS}
    return {
        "task_queues": task_queues(settings),
        "task_default_queue": USAGE_QUEUE,
        "task_default_exchange": EXCHANGE.name,
        "task_create_missing_queues": False,
        "task_routes": {
            task: {"queue": queue, "argsrepr": "-", "kwargsrepr": "-", **options}
            for task, queue in ROUTES.items()
        },
        "task_serializer": "json",
        "event_serializer": "json",
        "accept_content": ["json"],
        "enable_utc": True,
        "timezone": "UTC",
        "task_publish_retry": False,
        "task_publish_retry_policy": _GIVE_UP_AT_ONCE,
    }


def _worker_settings(settings: Settings) -> dict[str, Any]:
    on_redis = is_redis(settings.broker_url)
    return {
        "worker_concurrency": settings.worker_concurrency,
        "worker_prefetch_multiplier": 1 if on_redis else _RABBITMQ_PREFETCH,
        "worker_consumer": "workers.consumer:Consumer",
        # A lost connection redelivers what was in work: end it rather than run twice.
        "worker_cancel_long_running_tasks_on_connection_loss": True,
        "worker_soft_shutdown_timeout": 20,
        "worker_enable_soft_shutdown_on_idle": True,
        "worker_send_task_events": True,  # Flower
        "broker_connection_timeout": _CONSUME_SECONDS,
        "broker_heartbeat": 20,
        "beat_scheduler": "workers.beat:KickScheduler",
        "beat_max_loop_interval": 1,
    }


def _redis_options(settings: Settings, *, consumer: bool) -> dict[str, Any]:
    seconds = _CONSUME_SECONDS if consumer else _PUBLISH_SECONDS
    return {
        "visibility_timeout": settings.visibility_timeout_seconds,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "socket_keepalive": True,
        "health_check_interval": 10 if consumer else 0,
        "max_connections": 100,
        "priority_steps": [0],
        "body_encoding": None,  # base64 cost a fifth of the publish rate
        **_GIVE_UP_AT_ONCE,
    }


def _rabbitmq_options(*, consumer: bool) -> dict[str, Any]:
    seconds = _CONSUME_SECONDS if consumer else _PUBLISH_SECONDS
    return {
        "confirm_publish": True,
        "connect_timeout": seconds,
        "read_timeout": 10 if consumer else _CLOSE_SECONDS,
        "write_timeout": 5 if consumer else _CLOSE_SECONDS,
        **_GIVE_UP_AT_ONCE,
    }
