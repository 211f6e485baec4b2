"""Webhooks delivered a second by the stack's own pump to fast receivers."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg

from bench.stack import BenchStack
from bench.traffic import SERVICE
from deploy.embedded.ports import free_port
from ledger.outbox import enqueue_event

EVENT = "bench.event"
ENDPOINTS = 8
DELIVERED = "SELECT count(*) FROM webhook_delivery WHERE state = 'delivered'"


def deliver_webhooks(stack: BenchStack, deliveries: int) -> float:
    """Deliveries/s from the first that is recorded to the last."""
    with _running_receiver() as url:
        for number in range(ENDPOINTS):
            target = f"{url}/{number}"
            stack.run("endpoints", "create", SERVICE, target, "--event-type", EVENT)
        before = stack.count(DELIVERED)
        messages = deliveries // ENDPOINTS
        with psycopg.connect(stack.database_url) as conn:
            row = conn.execute("SELECT id FROM service WHERE code = %s", (SERVICE,))
            [(service_id,)] = row
            now = datetime.now(UTC)
            for number in range(messages):
                enqueue_event(conn, service_id, EVENT, {"number": number}, now)
        stack.await_count(DELIVERED, before + 1)
        begun, there = time.monotonic(), stack.count(DELIVERED)
        stack.await_count(DELIVERED, before + messages * ENDPOINTS)
        left = before + messages * ENDPOINTS - there
        return left / (time.monotonic() - begun)


@contextmanager
def _running_receiver() -> Iterator[str]:
    port = free_port(set())
    receiver = subprocess.Popen([sys.executable, "-m", "bench.receiver", str(port)])
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        receiver.terminate()
        receiver.wait(30)
