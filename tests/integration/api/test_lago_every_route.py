"""What holds for every route: a key is asked for, its rate is told, errors are JSON."""

import re
from time import monotonic
from typing import Any

import pytest
from flask import Flask

from ingest_api.lago.absent import ABSENT_ROUTES
from ingest_api.routes import API_ROUTES, PREFIXES
from ledger.db import Connection
from tests.api_world import Person, make_person, running_app
from tests.lago_world import lago_client, served

ROUTES = [
    (method, prefix + re.sub(r"<[^>]*>", "none", path))
    for prefix in PREFIXES
    for method, path in sorted(
        {(route.method, route.path) for route in API_ROUTES if not route.open}
        | {(route.methods[0], route.path) for route in ABSENT_ROUTES}
    )
]
RATE = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
BODIES = [None, b"{", b'{"x": 1}', b"\xff", b"[" * 5000]


def ask(app: Flask, method: str, path: str, key: str, body: bytes | None) -> Any:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    return app.test_client().open(path, method=method, data=body, headers=headers)


@pytest.mark.parametrize(("method", "path"), ROUTES[: len(ROUTES) // 2])
def test_every_route_tells_lagos_rate_and_takes_any_body(
    method: str, path: str, app: Flask, olga: Person
) -> None:
    for body in BODIES:
        answer = ask(app, method, path, olga.key, body)

        assert answer.status_code < 500 or answer.status_code == 501, body
        assert all(answer.headers[name].isdigit() for name in RATE)
        if answer.status_code >= 400:
            assert answer.get_json()["status"] == answer.status_code


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_asks_for_a_key(method: str, path: str, app: Flask) -> None:
    answer = ask(app, method, path, "fb_none_none", None)

    assert answer.status_code == 401
    assert answer.get_json() == {"status": 401, "error": "Unauthorized"}


def test_the_client_waits_as_lagos_headers_tell_it(
    conn: Connection, database_url: str, broker_url: str
) -> None:
    slow = {"DATABASE_URL": database_url, "FUSION_RATE_LIMIT_PER_SECOND": "2"}
    with running_app(broker_url, **slow) as app, served(app) as url:
        client = lago_client(url, make_person(app, conn).key)
        asked = monotonic()

        for _ in range(3):
            client.webhook_endpoints.find_all()

    assert monotonic() - asked > 1
