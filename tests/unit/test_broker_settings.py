"""The Celery settings of both ends agree, and keep what the transports need."""

from typing import Any

import pytest

from odoo_bridge.pull import LIMITS
from schemas.broker import atomic_url, celery_settings
from schemas.messages import FOLD_BATCH, PULL_CATALOG, QUEUES, ROUTES, USAGE_QUEUE
from schemas.task_settings import KICKS
from tests.broker_settings import broker_settings

REDIS = "redis://:secret@127.0.0.1:6379/0"
RABBITMQ = "amqp://user:secret@127.0.0.1:5672//"


def both(url: str, **more: str) -> tuple[dict[str, Any], dict[str, Any]]:
    settings = broker_settings(url, **more)
    return (
        celery_settings(settings, consumer=False),
        celery_settings(settings, consumer=True),
    )


@pytest.mark.parametrize("url", [REDIS, RABBITMQ])
def test_publisher_and_worker_declare_the_same_queues(url: str) -> None:
    publisher, worker = both(url)

    assert publisher["task_queues"] == worker["task_queues"]
    assert publisher["task_routes"] == worker["task_routes"]
    assert {queue.name for queue in worker["task_queues"]} == set(QUEUES)
    assert {
        task: route["queue"] for task, route in worker["task_routes"].items()
    } == ROUTES


def test_only_consumers_on_redis_use_the_atomic_transport() -> None:
    publisher, worker = both(REDIS)

    assert publisher["broker_url"] == worker["broker_url"] == REDIS
    assert "broker_read_url" not in publisher
    assert worker["broker_read_url"] == atomic_url(REDIS)
    assert atomic_url(REDIS) == "redis-atomic://:secret@127.0.0.1:6379/0"
    assert "broker_read_url" not in both(RABBITMQ)[1]


@pytest.mark.parametrize("consumer", [False, True])
def test_both_ends_on_redis_share_what_decides_where_a_message_is(
    consumer: bool,
) -> None:
    options = both(REDIS)[consumer]["broker_transport_options"]

    assert options["priority_steps"] == [0]
    assert options["body_encoding"] is None


@pytest.mark.parametrize("seconds", [5, 6, 59, 90, 3600])
def test_a_message_in_work_never_becomes_visible(seconds: int) -> None:
    worker = both(REDIS, FUSION_VISIBILITY_TIMEOUT_SECONDS=str(seconds))[1]

    soft, hard = worker["task_soft_time_limit"], worker["task_time_limit"]
    assert 0 < soft < hard <= seconds / 2
    assert worker["broker_transport_options"]["visibility_timeout"] == seconds


def test_time_limits_are_25_and_30_seconds_by_default() -> None:
    worker = both(REDIS)[1]

    assert (worker["task_soft_time_limit"], worker["task_time_limit"]) == (25, 30)


def test_a_pull_may_outlast_a_statement_that_counts_usage_again() -> None:
    limits = both(REDIS)[1]["task_annotations"][PULL_CATALOG]

    assert 5 * LIMITS.statement_seconds < limits["soft_time_limit"]
    assert limits["soft_time_limit"] < limits["time_limit"]


def test_a_batch_that_fails_unforeseen_is_not_acknowledged_but_a_kick_is() -> None:
    worker = both(RABBITMQ)[1]

    assert worker["task_acks_late"] is True
    assert worker["task_acks_on_failure"] is False
    assert worker["task_acks_on_timeout"] is False
    assert FOLD_BATCH not in worker["task_annotations"]
    assert set(worker["task_annotations"]) == set(KICKS)
    assert all(not kick["acks_late"] for kick in worker["task_annotations"].values())


def test_on_rabbitmq_batches_are_replicated_and_dead_lettered_at_least_once() -> None:
    queues = {queue.name: queue for queue in both(RABBITMQ)[1]["task_queues"]}
    usage = queues[USAGE_QUEUE].queue_arguments

    assert all(q.queue_arguments["x-queue-type"] == "quorum" for q in queues.values())
    assert usage["x-dead-letter-exchange"] == "dead-letters"
    assert usage["x-dead-letter-strategy"] == "at-least-once"
    assert usage["x-overflow"] == "reject-publish"
    assert both(RABBITMQ)[1]["worker_prefetch_multiplier"] > 1


@pytest.mark.parametrize("url", [REDIS, RABBITMQ])
def test_only_json_is_written_and_accepted(url: str) -> None:
    for settings in both(url):
        assert settings["task_serializer"] == "json"
        assert settings["accept_content"] == ["json"]


def test_tls_to_redis_checks_the_certificate() -> None:
    for settings in both("rediss://broker.example.com:6380/0"):
        assert settings["broker_use_ssl"]["ssl_cert_reqs"].name == "CERT_REQUIRED"
