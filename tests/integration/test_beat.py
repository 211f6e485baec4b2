"""Beat on a real Redis: kicks reach their queues, and do not pile up there."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery

from schemas.broker import celery_settings
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
    PULL_CATALOG,
    PUSH_ROLLUPS,
    QUEUES,
    REVIEW_PARKED,
    ROUTES,
    SEND_CHANGES,
    TAKE_EVENTS,
)
from schemas.task_settings import KICKS
from tests.broker_settings import broker_settings
from tests.embedded_servers import BrokerServer
from workers.beat import KICK_QUEUES, KickScheduler, beat_schedule


@pytest.fixture
def app(own_redis: BrokerServer) -> Iterator[Celery]:
    app = Celery("beat", set_as_current=False)
    app.conf.update(celery_settings(broker_settings(own_redis.url), consumer=True))
    app.conf.beat_schedule = beat_schedule()
    yield app
    app.close()


def length(own_redis: BrokerServer, queue: str) -> int:
    with own_redis.client as client:
        return int(client.llen(queue))


def kick_all(scheduler: KickScheduler) -> None:
    for entry in list(scheduler.schedule.values()):
        scheduler.apply_async(entry)


def test_every_kick_is_scheduled_as_often_as_it_should() -> None:
    intervals = {entry["task"]: entry["schedule"] for entry in beat_schedule().values()}

    assert intervals == {
        PUSH_ROLLUPS: 1,
        DELIVER_WEBHOOKS: 2,
        TAKE_EVENTS: 3,
        CHECK_THRESHOLDS: 5,
        CLOSE_PERIODS: 5,
        SEND_CHANGES: 2,
        FETCH_DOCUMENTS: 10,
        FOLLOW_SUBSCRIPTIONS: 15,
        PULL_CATALOG: 30,
        APPLY_PARKED: 60,
        REVIEW_PARKED: 60,
        FREEZE_PERIODS: 60,
        CHECK_DRIFT: 60,
        CHECK_ODOO: 60,
    }
    assert set(intervals) == set(KICKS)


def test_each_kick_reaches_its_queue_and_expires(
    own_redis: BrokerServer, app: Celery
) -> None:
    scheduler = KickScheduler(app)
    kick_all(scheduler)

    with own_redis.client as client:
        messages: list[Any] = [
            (queue, json.loads(item))
            for queue in QUEUES
            for item in client.lrange(queue, 0, -1)
        ]
    assert {m["headers"]["task"]: queue for queue, m in messages} == {
        task: ROUTES[task] for task in KICKS
    }
    assert all(m["headers"]["expires"] for _, m in messages)


def test_kicks_do_not_pile_up_while_no_worker_takes_them(
    own_redis: BrokerServer, app: Celery
) -> None:
    first, second = KickScheduler(app), KickScheduler(app)
    for _ in range(5):
        kick_all(first)
        kick_all(second)

    for queue in KICK_QUEUES:
        tasks = sum(ROUTES[task] == queue for task in KICKS)
        assert tasks <= length(own_redis, queue) <= 2 * tasks


def test_a_frequent_kick_leaves_rarer_ones_their_place(
    own_redis: BrokerServer, app: Celery
) -> None:
    scheduler = KickScheduler(app)
    entries = {entry.task: entry for entry in scheduler.schedule.values()}
    for _ in range(10):
        scheduler.apply_async(entries[PUSH_ROLLUPS])
        scheduler.apply_async(entries[TAKE_EVENTS])

    scheduler.apply_async(entries[CLOSE_PERIODS])

    with own_redis.client as client:
        newest = json.loads(client.lrange(ODOO_QUEUE, 0, 0)[0])
    assert newest["headers"]["task"] == CLOSE_PERIODS


def test_the_schedule_is_that_of_the_settings_and_nothing_else(app: Celery) -> None:
    scheduler = KickScheduler(app)

    assert {entry.task for entry in scheduler.schedule.values()} == set(KICKS)
