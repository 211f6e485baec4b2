"""An app that has moved from Lago: a service on a running stack, and Lago's client."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from tests.lago_world import lago_client, models
from tests.stack_process import RunningStack
from tests.waiting import wait_until
from tests.webhook_world import Receiver, Request, receiving, respond

STORY: Final[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "story.json").read_text(encoding="utf-8")
)
"""One story for both clients: what is set up, what is used, what it comes to."""

SECONDS: Final = 90


@dataclass(frozen=True)
class MovedApp:
    """A live service with a key that may write the catalog."""

    stack: RunningStack
    service: str
    key: str
    lago: Any
    started_at: datetime
    folder: Path

    def load(self, catalog: str) -> None:
        """Load the rest of a catalog file, below its service."""
        _load(self.stack, self.folder, self.service, catalog)

    def set_up(self, **plan: Any) -> None:
        """The story's metrics and plan, by the client."""
        ids = {}
        for metric in STORY["metrics"]:
            made = self.lago.billable_metrics.create(models.BillableMetric(**metric))
            ids[metric["code"]] = made.lago_id
        charges = [
            {
                "billable_metric_id": ids[charge["metric"]],
                **{name: part for name, part in charge.items() if name != "metric"},
            }
            for charge in STORY["charges"]
        ]
        self.lago.plans.create(
            models.Plan.parse_obj({**STORY["plan"], "charges": charges, **plan})
        )

    def add_customer(self, **fields: Any) -> Any:
        """The story's customer, of an e-mail of its own: Odoo has one client for all of
        an e-mail's accounts."""
        customer = {**STORY["customer"], "email": f"ada@{self.service}.test"}
        return self.lago.customers.create(models.Customer(**{**customer, **fields}))

    def subscribe(self, **fields: Any) -> Any:
        """The story's customer and subscription, begun an hour ago."""
        self.add_customer()
        begun = {"subscription_at": self.started_at.isoformat(), **fields}
        return self.lago.subscriptions.create(
            models.Subscription(**{**STORY["subscription"], **begun})
        )

    def event(self, event: dict[str, Any], **fields: Any) -> Any:
        """One of the story's events as the client sends it."""
        at = self.started_at + timedelta(seconds=3600 - event["seconds_ago"])
        return models.Event(
            transaction_id=event["transaction_id"],
            external_subscription_id="ada-1",
            code=event["code"],
            timestamp=int(at.timestamp()),
            properties=event["properties"],
            **fields,
        )

    def send_last(
        self, transaction_id: str, *, after_seconds: int = 0, **properties: Any
    ) -> None:
        """An event of now or later, to the millisecond; whatever was sent before it is
        counted when it is."""
        self.lago.events.create(
            models.Event(
                transaction_id=transaction_id,
                external_subscription_id="ada-1",
                code="calls",
                timestamp=f"{time.time() + after_seconds:.3f}",
                properties=properties,
            )
        )

    def usage(self) -> Any:
        """Current usage of the story's subscription."""
        return self.lago.customers.current_usage("ada", "ada-1")

    def await_usage(self, amount_cents: int) -> Any:
        """Current usage once it comes to this; AssertionError when it does not."""
        seen: list[Any] = []

        def there() -> bool:
            seen.append(self.usage())
            return bool(seen[-1].amount_cents == amount_cents)

        wait_until(there, f"usage comes to {amount_cents} (see {seen})", SECONDS)
        return seen[-1]


def move_app(stack: RunningStack, folder: Path, catalog: str = "") -> MovedApp:
    """A new live service with this catalog, or none, and its key."""
    service = f"moved-{secrets.token_hex(4)}"
    _load(stack, folder, service, catalog)
    key = run(stack, "keys", "create", service, "--scope", "catalog")
    started_at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    return MovedApp(
        stack, service, key, lago_client(stack.api, key), started_at, folder
    )


def _load(stack: RunningStack, folder: Path, service: str, catalog: str) -> None:
    path = folder / f"{service}.yaml"
    head = f"service: {{code: {service}, name: Moved, mode: live}}\n"
    path.write_text(head + catalog)
    run(stack, "catalog", "load", str(path))


def run(stack: RunningStack, *arguments: str) -> str:
    """What a command of `fusion-billing` printed; AssertionError when it failed."""
    done = stack.run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def listening() -> Iterator[Receiver]:
    """An app's own server for webhooks."""
    with receiving(respond(200)) as receiver:
        yield receiver


def await_webhook(
    receiver: Receiver, webhook_type: str, wanted: Callable[[Any], bool] | None = None
) -> tuple[Request, Any]:
    """The first webhook in Lago's style that is of this type, and its body."""

    def found() -> list[tuple[Request, Any]]:
        with receiver.lock:
            requests = list(receiver.requests)
        bodies = [(request, json.loads(request.body)) for request in requests]
        return [
            (request, body)
            for request, body in bodies
            if body.get("webhook_type") == webhook_type
            and (wanted is None or wanted(body))
        ]

    wait_until(lambda: bool(found()), f"{webhook_type} comes", SECONDS)
    return found()[0]
