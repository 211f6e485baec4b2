"""An app of the bench: its catalog, its key, and the batches that it pushes."""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import httpx

from bench.stack import BenchStack

SERVICE = "bench"
CUSTOMER = "customer"
SUBSCRIPTIONS = 1_000
USED = 100
"""Subscriptions that batches spread over; the others serve as probes and rollups."""
PROBE = f"s{SUBSCRIPTIONS - 1}"
TIMEOUT_SECONDS = 30

_numbers = itertools.count()


@dataclass(frozen=True)
class App:
    """The app's connections; many threads may use them."""

    client: httpx.Client

    def push(self, body: bytes) -> None:
        """Push one batch; SystemExit when it is not accepted."""
        answer = self.client.post("usage", content=body)
        if answer.status_code != 202:
            raise SystemExit(f"a batch was answered {answer.status_code}")

    def counted(self, subscription: str) -> int:
        """Counters in the subscription's current usage."""
        answer = self.client.get(
            f"customers/{CUSTOMER}/current_usage",
            params={"external_subscription_id": subscription},
        )
        answer.raise_for_status()
        [charge] = answer.json()["customer_usage"]["charges_usage"]
        return int(charge["events_count"])


@contextmanager
def running_app(stack: BenchStack) -> Iterator[App]:
    """Load the catalog, make a key, and hold the connections while the block runs."""
    text = (files("bench") / "catalog.yaml").read_text(encoding="utf-8")
    rows = "\n".join(
        f"  - {{external_id: s{n}, customer: {CUSTOMER}, plan: bench,"
        " started_at: 2026-01-01T00:00:00Z}"
        for n in range(SUBSCRIPTIONS)
    )
    path = stack.state / "bench.yaml"
    path.write_text(text.replace("subscriptions: []", f"subscriptions:\n{rows}"))
    stack.run("catalog", "load", str(path))
    key = stack.run("keys", "create", SERVICE)
    with httpx.Client(
        base_url=f"{stack.api}/api/billing/v1/",
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        timeout=TIMEOUT_SECONDS,
        limits=httpx.Limits(max_connections=None),
    ) as client:
        yield App(client)


def make_body(size: int, subscription: str | None = None) -> bytes:
    """A batch of new counters, over the used subscriptions unless one is named."""
    now = datetime.now(UTC).isoformat()
    counters: list[dict[str, Any]] = [
        {
            "transaction_id": f"bench-{number:09d}",
            "external_subscription_id": subscription or f"s{number % USED}",
            "code": "requests",
            "timestamp": now,
            "value": 1.5,
        }
        for number in itertools.islice(_numbers, size)
    ]
    return json.dumps({"counters": counters}).encode()
