"""Pushes the demo's batches over HTTP, as an app would."""

from dataclasses import dataclass, field
from typing import Any

import httpx

TWICE_EVERY = 5


@dataclass
class Pusher:
    """Pushes batches, and keeps those that got no 202 until they do."""

    client: httpx.Client
    unsent: list[list[dict[str, Any]]] = field(default_factory=list)
    batches: int = 0
    pushed: int = 0
    accepted: int = 0
    duplicates: int = 0
    problem: str | None = None

    def push(self, counters: list[dict[str, Any]]) -> None:
        """Push a batch, after those that wait; every fifth one twice."""
        self.pushed += len(counters)
        self.unsent.append(counters)
        self.send_unsent()

    def send_unsent(self) -> None:
        """Send what waits, oldest first, until one is refused."""
        while self.unsent and self._send(self.unsent[0]):
            sent = self.unsent.pop(0)
            self.accepted += len(sent)
            self.batches += 1
            if self.batches % TWICE_EVERY == 0 and self._send(sent):
                self.duplicates += len(sent)

    def _send(self, counters: list[dict[str, Any]]) -> bool:
        try:
            answer = self.client.post("usage", json={"counters": counters})
        except httpx.HTTPError as error:
            self.problem = f"the API does not answer: {error}"
            return False
        if answer.status_code != httpx.codes.ACCEPTED:
            self.problem = f"the API answers {answer.status_code}: {answer.text[:200]}"
            return False
        self.problem = None
        return True
