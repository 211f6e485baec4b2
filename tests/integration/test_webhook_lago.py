"""Webhooks as Lago's receivers read and verify them."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from standardwebhooks.webhooks import Webhook

from ledger.app_endpoints import rotate_secret
from ledger.db import Connection
from ledger.outbox import enqueue_event
from ledger.signing_key import signing_key_of
from tests.ledger_world import World, make_world
from tests.webhook_world import (
    ISSUER,
    SECRET_KEY,
    Receiver,
    Request,
    add_endpoint,
    attempts,
    enqueue,
    make_due,
    receiving,
    respond,
    run_pump,
    states,
)

INVOICE = {"lago_id": "abc", "total_amount_cents": 123, "number": "Ä-1"}


@pytest.fixture
def world(conn: Connection) -> World:
    return make_world(conn)


def tell(
    conn: Connection, world: World, event_type: str = "invoice.created", **data: Any
) -> None:
    told = data or {"invoice": INVOICE}
    enqueue_event(conn, world.service_id, event_type, told, datetime.now(UTC))
    conn.commit()


def received(receiver: Receiver) -> Request:
    assert len(receiver.requests) == 1
    return receiver.requests[0]


def verify_hmac(request: Request, secret: str) -> None:
    """What the guide of Lago has a receiver do."""
    digest = hmac.new(secret.encode(), request.body, hashlib.sha256).digest()
    assert request.headers["x-lago-signature-algorithm"] == "hmac"
    assert request.headers["x-lago-signature"] == base64.b64encode(digest).decode()


def verify_jwt(request: Request, public_key: str) -> None:
    """What the guide of Lago has a receiver do."""
    claims = jwt.decode(
        request.headers["x-lago-signature"],
        public_key,
        algorithms=["RS256"],
        issuer=ISSUER,
    )
    assert request.headers["x-lago-signature-algorithm"] == "jwt"
    assert claims == {"data": request.body.decode(), "iss": ISSUER}


def organization_of(conn: Connection, world: World) -> str:
    row = conn.execute(
        "SELECT public_id FROM service WHERE id = %s", [world.service_id]
    ).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize("style", ["lago", "standard"])
def test_hmac_is_over_the_bytes_that_came(
    style: str, conn: Connection, database_url: str, world: World
) -> None:
    with receiving(respond(200)) as receiver:
        _, secret = add_endpoint(conn, world.code, receiver.url, body_style=style)
        tell(conn, world)
        run_pump(database_url)

    verify_hmac(received(receiver), secret)


@pytest.mark.parametrize("style", ["lago", "standard"])
def test_jwt_holds_the_bytes_that_came(
    style: str, conn: Connection, database_url: str, world: World
) -> None:
    with receiving(respond(200)) as receiver:
        add_endpoint(
            conn, world.code, receiver.url, body_style=style, signature_algo="jwt"
        )
        tell(conn, world)
        run_pump(database_url)

    verify_jwt(received(receiver), signing_key_of(conn, SECRET_KEY).public_key)


@pytest.mark.parametrize("style", ["lago", "standard"])
def test_standard_webhooks_headers_go_with_them(
    style: str, conn: Connection, database_url: str, world: World
) -> None:
    with receiving(respond(200)) as receiver:
        _, secret = add_endpoint(conn, world.code, receiver.url, body_style=style)
        tell(conn, world)
        run_pump(database_url)

    request = received(receiver)
    Webhook(secret).verify(request.body, dict(request.headers))
    assert request.headers["x-lago-unique-key"] == request.id


def test_a_body_in_lagos_style_names_its_object(
    conn: Connection, database_url: str, world: World
) -> None:
    with receiving(respond(200)) as receiver:
        add_endpoint(conn, world.code, receiver.url, body_style="lago")
        tell(conn, world)
        run_pump(database_url)

    assert json.loads(received(receiver).body) == {
        "webhook_type": "invoice.created",
        "object_type": "invoice",
        "organization_id": organization_of(conn, world),
        "invoice": INVOICE,
    }


@pytest.mark.parametrize(
    ("event_type", "data", "object_type"),
    [
        ("batch.processed", {"batch_id": "b", "received": 1}, "batch"),
        ("counters.conflict", {"batch_id": "b", "items": []}, "batch"),
        ("events.errors", {"count": 3}, "events_errors"),
        ("usage.period_closed", {"lines": []}, "period"),
    ],
)
def test_what_has_no_object_of_lagos_is_the_object_itself(
    event_type: str,
    data: dict[str, Any],
    object_type: str,
    conn: Connection,
    database_url: str,
    world: World,
) -> None:
    with receiving(respond(200)) as receiver:
        add_endpoint(conn, world.code, receiver.url, body_style="lago")
        tell(conn, world, event_type, **data)
        run_pump(database_url)

    body = json.loads(received(receiver).body)
    assert body["object_type"] == object_type
    assert body[object_type] == data


def test_what_stands_beside_the_object_stays_beside_it(
    conn: Connection, database_url: str, world: World
) -> None:
    told = {"subscription": {"external_id": "a"}, "usage_threshold": {"n": 1}}
    with receiving(respond(200)) as receiver:
        add_endpoint(conn, world.code, receiver.url, body_style="lago")
        tell(conn, world, "subscription.usage_threshold_reached", **told)
        run_pump(database_url)

    body = json.loads(received(receiver).body)
    assert {name: body[name] for name in told} == told


def test_one_message_goes_in_each_endpoints_own_style(
    conn: Connection, database_url: str, world: World
) -> None:
    with receiving(respond(200)) as lago, receiving(respond(200)) as standard:
        add_endpoint(conn, world.code, lago.url, body_style="lago")
        add_endpoint(conn, world.code, standard.url)
        tell(conn, world)
        run_pump(database_url)

    assert json.loads(received(lago).body)["webhook_type"] == "invoice.created"
    assert json.loads(received(standard).body)["type"] == "invoice.created"
    assert received(lago).id == received(standard).id


def test_every_attempt_sends_the_same_bytes(
    conn: Connection, database_url: str, world: World
) -> None:
    with receiving(respond(500)) as receiver:
        add_endpoint(conn, world.code, receiver.url, body_style="lago")
        tell(conn, world)
        run_pump(database_url)
        make_due(conn)
        run_pump(database_url)

    first, second = receiver.requests
    assert first.body == second.body
    assert first.headers["x-lago-unique-key"] == second.headers["x-lago-unique-key"]
    assert first.headers["x-lago-signature"] == second.headers["x-lago-signature"]


def test_old_and_new_secret_both_verify_for_a_day(
    conn: Connection, database_url: str, world: World
) -> None:
    now = datetime.now(UTC)
    with receiving(respond(200)) as receiver:
        endpoint_id, oldest = add_endpoint(conn, world.code, receiver.url)
        news = [
            rotate_secret(
                conn, world.service_id, endpoint_id, now, secret_key=SECRET_KEY
            ).secret
            for _ in range(2)
        ]
        tell(conn, world)
        run_pump(database_url)

    request = received(receiver)
    for secret in (oldest, *news):
        Webhook(secret).verify(request.body, dict(request.headers))
    verify_hmac(request, news[-1])


def test_an_old_secret_signs_no_more_when_the_day_is_over(
    conn: Connection, database_url: str, world: World
) -> None:
    yesterday = datetime.now(UTC) - timedelta(hours=24, seconds=1)
    with receiving(respond(200)) as receiver:
        endpoint_id, _ = add_endpoint(conn, world.code, receiver.url)
        rotate_secret(
            conn, world.service_id, endpoint_id, yesterday, secret_key=SECRET_KEY
        )
        tell(conn, world)
        run_pump(database_url)

    assert " " not in received(receiver).headers["webhook-signature"]


def test_a_signing_key_of_another_secret_key_fails_only_what_needs_it(
    conn: Connection, database_url: str, world: World
) -> None:
    signing_key_of(conn, "A" * 43 + "=")
    conn.commit()
    with receiving(respond(200)) as by_jwt, receiving(respond(200)) as by_hmac:
        add_endpoint(conn, world.code, by_jwt.url, signature_algo="jwt")
        add_endpoint(conn, world.code, by_hmac.url)
        enqueue(conn, world.service_id)
        run_pump(database_url)

    assert not by_jwt.requests
    assert len(by_hmac.requests) == 1
    assert sorted(attempt[2] for attempt in attempts(conn)) == [
        "delivered",
        "secret_unreadable",
    ]
    assert states(conn) == {"delivered": 1, "pending": 1}
