"""A publisher gets an error, not a wait, when the broker cannot take the message.

How long it takes is not asserted, only that it ends: the settings give up after 0.7
seconds, and without them a frozen broker is waited for without end.
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery

from schemas.broker import PUBLISH_ERRORS, celery_settings
from schemas.messages import FOLD_BATCH, USAGE_QUEUE
from tests.broker_settings import broker_settings
from tests.redis_server import RedisServer, running_redis


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path) as server:
        yield server


@pytest.fixture
def publisher(server: RedisServer) -> Iterator[Celery]:
    app = Celery("ingest")
    app.conf.update(celery_settings(broker_settings(server.url), consumer=False))
    yield app
    app.close()


def stored(server: RedisServer) -> int:
    with server.client as client:
        return int(client.llen(USAGE_QUEUE))


@pytest.mark.timeout(20)
@pytest.mark.parametrize("connected", [False, True])
def test_a_frozen_broker_is_an_error_until_it_thaws(
    server: RedisServer, publisher: Celery, connected: bool
) -> None:
    if connected:
        publisher.send_task(FOLD_BATCH, args=["before"])
    before = stored(server)
    server.send_signal(signal.SIGSTOP)
    for _ in range(2):
        with pytest.raises(PUBLISH_ERRORS):
            publisher.send_task(FOLD_BATCH, args=["unknown fate"])
    server.send_signal(signal.SIGCONT)
    publisher.send_task(FOLD_BATCH, args=["after"])

    assert before < stored(server) <= before + 3  # an error does not mean "not stored"


@pytest.mark.timeout(20)
def test_a_dead_broker_is_an_error_until_it_is_back_with_all_it_took(
    server: RedisServer, publisher: Celery
) -> None:
    publisher.send_task(FOLD_BATCH, args=["before"])
    server.kill()
    for _ in range(2):
        with pytest.raises(PUBLISH_ERRORS):
            publisher.send_task(FOLD_BATCH, args=["refused"])
    server.start()
    publisher.send_task(FOLD_BATCH, args=["after"])

    assert stored(server) == 2


def test_the_payload_is_not_repeated_in_the_headers(
    server: RedisServer, publisher: Celery
) -> None:
    publisher.send_task(FOLD_BATCH, args=["payload"], argsrepr="batch b1")
    publisher.send_task(FOLD_BATCH, args=["payload"])

    with server.client as client:
        second, first = client.lrange(USAGE_QUEUE, 0, -1)
    assert (first.count(b"payload"), second.count(b"payload")) == (1, 1)
    assert b'"argsrepr": "batch b1"' in first
