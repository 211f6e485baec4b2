"""Webhooks of a running stack, verified as Lago has its clients verify them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from lago_python_client.models.customer import CustomerResponse

from tests.lago.moved_app import (
    STORY,
    MovedApp,
    await_webhook,
    listening,
    move_app,
)
from tests.lago_world import models
from tests.stack_process import RunningStack
from tests.webhook_world import Receiver

REACHED = "subscription.usage_threshold_reached"


@pytest.fixture
def app(stack: RunningStack, tmp_path: Path) -> MovedApp:
    return move_app(stack, tmp_path)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as receiver:
        yield receiver


def test_a_webhook_is_verified_by_the_public_key_that_the_client_asks_for(
    app: MovedApp, receiver: Receiver
) -> None:
    app.lago.webhook_endpoints.create(
        models.WebhookEndpoint.parse_obj({"webhook_url": receiver.url})
    )
    app.add_customer()

    request, body = await_webhook(receiver, "customer.created")
    claims: Any = jwt.decode(
        request.headers["x-lago-signature"],
        app.lago.webhooks.public_key(),
        algorithms=["RS256"],
        issuer=app.stack.api,
    )

    assert request.headers["x-lago-signature-algorithm"] == "jwt"
    assert claims["data"].encode() == request.body
    assert body["object_type"] == "customer"
    assert body["customer"]["external_id"] == "ada"
    CustomerResponse.parse_obj(body["customer"])


def test_a_webhook_is_verified_by_the_endpoints_own_secret(
    app: MovedApp, receiver: Receiver
) -> None:
    made = httpx.post(
        f"{app.stack.api}/api/v1/webhook_endpoints",
        headers={"Authorization": f"Bearer {app.key}"},
        json={
            "webhook_endpoint": {
                "webhook_url": receiver.url,
                "signature_algo": "hmac",
                "event_types": ["customer.updated"],
            }
        },
    ).json()["webhook_endpoint"]
    for name in ("Ada", "Ada Lovelace"):
        app.add_customer(name=name)

    request, body = await_webhook(receiver, "customer.updated")
    digest = hmac.new(made["secret"].encode(), request.body, hashlib.sha256).digest()

    assert request.headers["x-lago-signature-algorithm"] == "hmac"
    assert request.headers["x-lago-signature"] == base64.b64encode(digest).decode()
    assert body["customer"]["name"] == "Ada Lovelace"
    assert len(receiver.requests) == 1


def test_a_threshold_is_told_once(app: MovedApp, receiver: Receiver) -> None:
    app.lago.webhook_endpoints.create(
        models.WebhookEndpoint.parse_obj(
            {
                "webhook_url": receiver.url,
                "event_types": [REACHED, "customer.updated"],
            }
        )
    )
    limits = [{"amount_cents": 500, "threshold_display_name": "Five"}]
    app.set_up(usage_thresholds=[*limits, {"amount_cents": 100_000}])
    app.subscribe()
    app.lago.events.create(app.event(STORY["first_event"]))
    app.await_usage(700)

    _, body = await_webhook(receiver, REACHED)
    app.send_last("c9", calls=10)
    app.await_usage(800)
    app.add_customer(name="Ada Byron")
    await_webhook(receiver, "customer.updated")

    told = body["subscription"]
    assert (told["external_id"], told["plan_code"]) == ("ada-1", "pro")
    assert told["usage_threshold"]["amount_cents"] == 500
    assert kinds(receiver) == [REACHED, "customer.updated"]


def kinds(receiver: Receiver) -> list[str]:
    with receiver.lock:
        bodies = [request.body for request in receiver.requests]
    return [json.loads(body)["webhook_type"] for body in bodies]
