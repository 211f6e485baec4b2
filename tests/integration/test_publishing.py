"""A publisher gets an error, not a wait, when the broker cannot take the message.

How long it takes is not asserted, only that it ends: the settings give up after 0.7
seconds, and without them a frozen broker is waited for without end.
"""

import signal
from collections.abc import Iterator

import pytest
from celery import Celery

from schemas.broker import PUBLISH_ERRORS, celery_settings
from schemas.messages import FOLD_BATCH, USAGE_QUEUE
from tests.broker_settings import broker_settings
from tests.embedded_servers import BrokerServer


@pytest.fixture
def publisher(own_redis: BrokerServer) -> Iterator[Celery]:
    app = Celery("ingest", set_as_current=False)
    app.conf.update(celery_settings(broker_settings(own_redis.url), consumer=False))
    yield app
    app.close()


def stored(own_redis: BrokerServer) -> int:
    with own_redis.client as client:
        return int(client.llen(USAGE_QUEUE))


@pytest.mark.timeout(20)
@pytest.mark.parametrize("connected", [False, True])
def test_a_frozen_broker_is_an_error_until_it_thaws(
    own_redis: BrokerServer, publisher: Celery, connected: bool
) -> None:
    if connected:
        publisher.send_task(FOLD_BATCH, args=["before"])
    before = stored(own_redis)
    own_redis.send_signal(signal.SIGSTOP)
    for _ in range(2):
        with pytest.raises(PUBLISH_ERRORS):
            publisher.send_task(FOLD_BATCH, args=["unknown fate"])
    own_redis.send_signal(signal.SIGCONT)
    publisher.send_task(FOLD_BATCH, args=["after"])

    assert (
        before < stored(own_redis) <= before + 3
    )  # an error does not mean "not stored"


@pytest.mark.timeout(20)
def test_a_dead_broker_is_an_error_until_it_is_back_with_all_it_took(
    own_redis: BrokerServer, publisher: Celery
) -> None:
    publisher.send_task(FOLD_BATCH, args=["before"])
    own_redis.kill()
    for _ in range(2):
        with pytest.raises(PUBLISH_ERRORS):
            publisher.send_task(FOLD_BATCH, args=["refused"])
    own_redis.start()
    publisher.send_task(FOLD_BATCH, args=["after"])

    assert stored(own_redis) == 2


def test_the_payload_is_not_repeated_in_the_headers(
    own_redis: BrokerServer, publisher: Celery
) -> None:
    publisher.send_task(FOLD_BATCH, args=["payload"], argsrepr="batch b1")
    publisher.send_task(FOLD_BATCH, args=["payload"])

    with own_redis.client as client:
        second, first = client.lrange(USAGE_QUEUE, 0, -1)
    assert (first.count(b"payload"), second.count(b"payload")) == (1, 1)
    assert b'"argsrepr": "batch b1"' in first
