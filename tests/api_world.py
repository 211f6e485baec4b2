"""The API as an app sees it: real PostgreSQL, real Redis, people with keys."""

import itertools
import json
from collections import Counter as Tally
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import redis
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.test import TestResponse

from ingest_api.api import EXTENSION
from ingest_api.app import create_app
from ledger.catalog import (
    ChargeRow,
    CustomerRow,
    MetricRow,
    PlanRow,
    ServiceRow,
    SubscriptionRow,
    upsert_customer,
    upsert_metric,
    upsert_plan,
    upsert_service,
    upsert_subscription,
)
from ledger.db import Connection
from ledger.keys import create_key
from schemas.messages import USAGE_QUEUE
from tests.broker_settings import broker_settings
from workers.fold import fold_message

BASE = "/api/billing/v1"
STARTED = datetime(2026, 1, 1, tzinfo=UTC)

TODAY = datetime.now(UTC).replace(microsecond=0).isoformat()

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """What came back; ``body`` is None when it is not JSON."""

    status: int
    body: Any
    text: str
    headers: Headers


def answer_of(response: TestResponse) -> Answer:
    """A response, read."""
    text = response.get_data(as_text=True)
    body = response.get_json(silent=True)
    return Answer(response.status_code, body, text, response.headers)


@dataclass(frozen=True)
class Person:
    """Somebody with a key to a service of their own, and a client that sends it."""

    service: str
    service_id: int
    key: str
    client: FlaskClient

    def get(self, path: str, **query: Any) -> Answer:
        """GET below the API's base."""
        return answer_of(
            self.client.get(BASE + path, query_string=query, headers=self._headers({}))
        )

    def post(self, path: str, body: Any = None) -> Answer:
        """POST below the API's base: JSON, or no body at all."""
        return self._post(path, b"" if body is None else json.dumps(body).encode(), {})

    def push(self, *counters: Any, **headers: str) -> Answer:
        """Push one batch; a header's underscores are dashes."""
        return self.push_bytes(json.dumps({"counters": counters}).encode(), **headers)

    def push_bytes(self, body: bytes, **headers: str) -> Answer:
        """Push a body as it is."""
        return self._post("/usage", body, headers)

    def void(self, transaction_id: str, **order: Any) -> Answer:
        """Take back a counter, of Ada's sum unless it says so."""
        named = {"external_subscription_id": "ada-1", "code": "sum", **order}
        body = json.dumps({"void": named}).encode()
        return self.void_bytes(quote(transaction_id, safe=""), body)

    def void_bytes(self, encoded_id: str, body: bytes, **headers: str) -> Answer:
        """Send an order to take back a counter as it is."""
        return self._post(f"/usage/{encoded_id}/void", body, headers)

    def _post(self, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        named = {"Content-Type": "application/json"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        return answer_of(
            self.client.post(BASE + path, data=body, headers=self._headers(named))
        )

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", **more}


@contextmanager
def running_app(broker_url: str, **environment: str) -> Iterator[Flask]:
    """The app with these environment variables; what it started ends with the block."""
    app = create_app(broker_settings(broker_url, **environment))
    try:
        yield app
    finally:
        app.extensions[EXTENSION].close()


def make_person(app: Flask, conn: Connection) -> Person:
    """A new service with a customer, a subscription of each aggregation; commits."""
    code = f"service-{next(_numbers)}"
    service_id = upsert_service(conn, ServiceRow(code, code, "live", 1))
    charges = []
    for aggregation in ("sum", "max", "last", "unique", "count"):
        name = f"The {aggregation}"
        upsert_metric(conn, MetricRow(code, aggregation, name, aggregation, "", 1))
        charges.append(ChargeRow(aggregation, "standard", "0", "0.25", None, ()))
    charges[0] = ChargeRow("sum", "package", "10", "0.0075", "3600", ())
    upsert_plan(
        conn, PlanRow(code, "plan", "Plan", "monthly", "CAD", "5", tuple(charges), 1)
    )
    upsert_customer(conn, CustomerRow(code, "ada", "Ada", None, 1))
    upsert_subscription(
        conn,
        SubscriptionRow(
            code,
            "ada-1",
            "ada",
            "plan",
            STARTED,
            None,
            "America/Toronto",
            "calendar",
            1,
        ),
    )
    key = create_key(conn, code, ())
    conn.commit()
    return Person(code, service_id, key, app.test_client())


def counter(transaction_id: str, **fields: Any) -> dict[str, Any]:
    """A counter of today, of Ada's sum; None leaves a field out."""
    counter = {
        "transaction_id": transaction_id,
        "external_subscription_id": "ada-1",
        "code": "sum",
        "timestamp": TODAY,
        "value": 1,
        **fields,
    }
    return {name: value for name, value in counter.items() if value is not None}


def queued_messages(broker_url: str, service_id: int) -> list[Any]:
    """The service's messages in the queue, oldest first; they stay there."""
    with redis.Redis.from_url(broker_url) as client:
        raw: Any = client.lrange(USAGE_QUEUE, 0, -1)
    messages = [_batch_of(text) for text in reversed(raw)]
    return [m for m in messages if m is not None and m["service_id"] == service_id]


def work_off(database_url: str, broker_url: str, service_id: int) -> Tally[str]:
    """Fold all that is in the queue as a worker does; the service's outcomes."""
    tally: Tally[str] = Tally()
    with redis.Redis.from_url(broker_url) as client:
        while raw := client.rpop(USAGE_QUEUE):
            message = _batch_of(raw)
            if message is None:
                continue
            outcomes = fold_message(database_url, message, "m", 5, datetime.now(UTC))
            if message["service_id"] == service_id:
                tally += outcomes
    return tally


def _batch_of(raw: Any) -> Any:
    """The batch; None for a kick of a task that carries none."""
    return json.loads(json.loads(raw)["body"])[1].get("message")
