"""Counters a second from HTTP to the rollup, beside the naive way."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg

from bench.naive import QUEUE, SCHEMA, app, count
from bench.stack import BenchStack
from bench.traffic import App, make_body

SENDERS = 4
ROLLED_UP = "SELECT coalesce(sum(counters), 0) FROM rollup"
NAIVELY = "SELECT coalesce(sum(counters), 0) FROM naive.rollup"


def as_built(stack: BenchStack, sender: App, counters: int, size: int) -> float:
    """Counters/s over HTTP in batches of ``size`` until the last is in its rollup."""
    bodies = [make_body(size) for _ in range(counters // size)]
    before = stack.count(ROLLED_UP)
    begun = time.monotonic()
    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(sender.push, bodies))
    stack.await_count(ROLLED_UP, before + len(bodies) * size)
    return len(bodies) * size / (time.monotonic() - begun)


def naive(stack: BenchStack, counters: int) -> float:
    """Counters/s with one Celery task and one upsert per counter."""
    os.environ.update(BROKER_URL=stack.broker_url, DATABASE_URL=stack.database_url)
    with psycopg.connect(stack.database_url) as conn:
        conn.execute(SCHEMA)
    app.conf["broker_url"] = stack.broker_url
    with _naive_worker():
        begun = time.monotonic()
        for number in range(counters):
            count.delay(f"s{number % 100}", "requests", f"t{number:09d}", "1.5")
        stack.await_count(NAIVELY, counters)
        return counters / (time.monotonic() - begun)


@contextmanager
def _naive_worker() -> Iterator[None]:
    command = [sys.executable, "-m", "celery", "-A", "bench.naive", "worker"]
    options = ["-Q", QUEUE, "-c", "2", "--without-gossip", "--without-mingle"]
    worker = subprocess.Popen(
        [*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 30
        while not app.control.ping(timeout=0.5):
            if time.monotonic() > deadline:
                raise SystemExit("the naive worker did not start")
        yield
    finally:
        worker.terminate()
        worker.wait(60)
