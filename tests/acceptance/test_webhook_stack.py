"""Webhooks of a whole running stack: an app that listens, and a worker that is shot."""

from collections.abc import Iterator

import pytest

from deploy.demo_receiver import DemoReceiver
from ledger.db import Connection, connect
from tests.ledger_world import World, make_world
from tests.stack_process import RunningStack
from tests.waiting import wait_until
from tests.webhook_world import enqueue


@pytest.fixture
def ledger(stack: RunningStack) -> Iterator[Connection]:
    with connect(stack.database_url) as conn:
        yield conn


@pytest.fixture
def world(ledger: Connection) -> World:
    return make_world(ledger)


@pytest.fixture
def receiver(stack: RunningStack, world: World) -> Iterator[DemoReceiver]:
    """An app's receiver whose endpoint an operator has created."""
    with DemoReceiver() as receiver:
        created = stack.run("endpoints", "create", world.code, receiver.url)
        assert created.returncode == 0, created.stderr
        receiver.trust(created.stdout.strip())
        yield receiver


def test_events_reach_the_app_signed(
    ledger: Connection, world: World, receiver: DemoReceiver
) -> None:
    enqueue(ledger, world.service_id, 20)

    wait_until(lambda: receiver.counts.received == 20, "all have come")
    assert receiver.counts.verified == 20


def test_events_reach_the_app_after_the_webhook_worker_was_killed(
    stack: RunningStack, ledger: Connection, world: World, receiver: DemoReceiver
) -> None:
    enqueue(ledger, world.service_id)
    wait_until(lambda: receiver.counts.verified == 1, "the first has come")

    stack.kill("webhooks")
    enqueue(ledger, world.service_id)

    wait_until(lambda: receiver.counts.verified == 2, "the second has come", 90)
