"""Counters a second from HTTP to the rollup, beside the naive way."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import files

import httpx
import psycopg

from bench.naive import QUEUE, SCHEMA, app, count
from bench.stack import BenchStack

BATCH = 1_000
SENDERS = 4
DONE_SECONDS = 300


def as_built(stack: BenchStack, counters: int, subscriptions: int = 100) -> float:
    """Counters/s over HTTP in batches of 1,000 until the last is in its rollup."""
    stack.run("catalog", "load", str(_write_catalog(stack, subscriptions)))
    key = stack.run("keys", "create", "bench")
    now = datetime.now(UTC).isoformat()
    bodies = [_body(first, now, subscriptions) for first in range(0, counters, BATCH)]
    begun = time.monotonic()
    with (
        httpx.Client(headers=_headers(key), timeout=30) as client,
        ThreadPoolExecutor(SENDERS) as pool,
    ):
        url = f"{stack.api}/api/billing/v1/usage"
        for status in pool.map(lambda body: _send(client, url, body), bodies):
            assert status == 202, status
    _await(
        stack,
        "SELECT coalesce(sum(counters), 0) FROM rollup",
        counters,
    )
    return counters / (time.monotonic() - begun)


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
        _await(stack, "SELECT coalesce(sum(counters), 0) FROM naive.rollup", counters)
        return counters / (time.monotonic() - begun)


def _write_catalog(stack: BenchStack, subscriptions: int) -> str:
    text = (files("bench") / "catalog.yaml").read_text(encoding="utf-8")
    rows = "\n".join(
        f"  - {{external_id: s{n}, customer: customer, plan: bench,"
        " started_at: 2026-01-01T00:00:00Z}"
        for n in range(subscriptions)
    )
    path = stack.state / "bench.yaml"
    path.write_text(text.replace("subscriptions: []", f"subscriptions:\n{rows}"))
    return str(path)


def _body(first: int, now: str, subscriptions: int) -> bytes:
    counters = [
        {
            "transaction_id": f"bench-{number:09d}",
            "external_subscription_id": f"s{number % subscriptions}",
            "code": "requests",
            "timestamp": now,
            "value": 1.5,
        }
        for number in range(first, first + BATCH)
    ]
    return json.dumps({"counters": counters}).encode()


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}


def _send(client: httpx.Client, url: str, body: bytes) -> int:
    return client.post(url, content=body).status_code


def _await(stack: BenchStack, query: str, wanted: int) -> None:
    deadline = time.monotonic() + DONE_SECONDS
    with psycopg.connect(stack.database_url, autocommit=True) as conn:
        while time.monotonic() < deadline:
            row = conn.execute(query.encode()).fetchone()
            if row and row[0] >= wanted:
                return
            time.sleep(0.05)
    raise SystemExit(f"not done after {DONE_SECONDS} s: {query}")


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
