"""An app that pushes usage: its catalog, its key, and its patience."""

import itertools
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from tests.stack_process import RunningStack

CATALOG = Path(__file__).with_name("catalog_pilot.yaml")

_numbers = itertools.count(1)


@dataclass(frozen=True)
class App:
    """A service with a key on a running stack."""

    stack: RunningStack
    service: str
    client: httpx.Client

    def push(self, counters: list[dict[str, Any]]) -> httpx.Response:
        """Push one batch once."""
        return self.client.post("usage", json={"counters": counters})

    def push_until_accepted(
        self, counters: list[dict[str, Any]], seconds: float
    ) -> dict[str, Any]:
        """Push one batch again and again until its 202, as an app must; the receipt."""
        deadline = time.monotonic() + seconds
        pause = threading.Event()
        while True:
            try:
                answer = self.push(counters)
                if answer.status_code == 202:
                    receipt: dict[str, Any] = answer.json()["batch"]
                    return receipt
                problem = f"{answer.status_code} {answer.text[:300]}"
            except httpx.TransportError as error:
                problem = repr(error)
            assert time.monotonic() < deadline, f"never accepted: {problem}"
            pause.wait(0.1)

    def batch(self, batch_id: str, **query: Any) -> dict[str, Any]:
        """A batch's receipt as it is now."""
        answer = self.client.get(f"batches/{batch_id}", params=query)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def close(self) -> None:
        """Close the connections."""
        self.client.close()


def make_app(stack: RunningStack, folder: Path) -> App:
    """Load a catalog with a service of its own, and make a key for it."""
    service = f"pilot-{next(_numbers)}"
    path = folder / f"{service}.yaml"
    path.write_text(CATALOG.read_text().replace("SERVICE", service))
    loaded = stack.run("catalog", "load", str(path))
    assert loaded.returncode == 0, loaded.stderr
    made = stack.run("keys", "create", service)
    assert made.returncode == 0, made.stderr
    return App(stack, service, client_of(stack, made.stdout.strip()))


def client_of(stack: RunningStack, key: str) -> httpx.Client:
    """An HTTP client with a key; paths are below the API's base."""
    return httpx.Client(
        base_url=f"{stack.api}/api/billing/v1/",
        headers={"Authorization": f"Bearer {key}"},
        timeout=10,
    )


def counter(
    transaction_id: str, code: str = "cpu_seconds", value: Any = 1, **more: Any
) -> dict[str, Any]:
    """A counter of now as the API takes it."""
    base = {
        "transaction_id": transaction_id,
        "external_subscription_id": "ada-1",
        "code": code,
        "timestamp": datetime.now(UTC).isoformat(),
        "value": value,
    }
    return {**base, **more}


def numbered(prefix: str, numbers: Iterable[int]) -> list[dict[str, Any]]:
    """Counters of value 1.25, alternating between the two subscriptions."""
    return [
        counter(
            f"{prefix}-{n}", value="1.25", external_subscription_id=f"ada-{n % 2 + 1}"
        )
        for n in numbers
    ]
