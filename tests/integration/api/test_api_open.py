"""What needs no key: unknown routes, health, metrics, HEAD and OPTIONS."""

import uuid
from datetime import UTC, datetime

import pytest
from flask import Flask

from ledger.db import Connection
from tests.api_world import BASE, Person, answer_of, counter
from tests.ledger_world import counter as counter_of
from tests.ledger_world import make_world
from tests.parked_world import DAY, SECOND, park


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/nothing"),
        ("GET", f"{BASE}/usage"),
        ("PUT", f"{BASE}/usage"),
        ("POST", f"{BASE}/batches/{uuid.UUID(int=7)}"),
        ("DELETE", "/health"),
        ("GET", f"{BASE}//usage"),
        ("GET", f"{BASE}/usage/"),
        ("FROB", f"{BASE}/usage"),
        ("GET", "/%00"),
    ],
)
def test_an_unknown_route_or_verb_is_a_resource_not_found(
    app: Flask, method: str, path: str
) -> None:
    answer = answer_of(app.test_client().open(path, method=method))

    assert answer.status == 404
    assert answer.body == {
        "status": 404,
        "error": "Not Found",
        "code": "resource_not_found",
    }


def test_head_and_options_answer(app: Flask) -> None:
    client = app.test_client()

    head, options = client.head("/health"), client.options(f"{BASE}/usage")

    assert (head.status_code, head.data) == (200, b"")
    assert "POST" in options.headers["Allow"]


def test_nothing_is_kept_in_caches(app: Flask, olga: Person) -> None:
    nothing = answer_of(app.test_client().get("/nothing"))

    for answer in (olga.push(counter("t")), olga.push(), nothing):
        assert answer.headers["Cache-Control"] == "no-store"


def test_health_tells_of_each_dependency_and_no_secret(app: Flask) -> None:
    answer = answer_of(app.test_client().get("/health"))

    assert answer.status == 200
    assert answer.body == {
        "status": "degraded",
        "dependencies": {
            "database": {"state": "ok"},
            "broker": {"state": "ok"},
            "odoo": {"state": "unavailable"},
        },
    }


def test_metrics_count_what_is_taken_and_what_waits(app: Flask, olga: Person) -> None:
    def value(name: str) -> float:
        lines = app.test_client().get("/metrics").text.splitlines()
        return sum(
            float(line.split()[-1])
            for line in lines
            if line.split("{")[0].split(" ")[0] == name
        )

    before = value("fusion_billing_counters_accepted_total")
    olga.push(counter("t-1"), counter("t-2"), counter(""))

    assert value("fusion_billing_counters_accepted_total") == before + 2
    assert value("fusion_billing_batches_waiting") >= 1
    assert value("fusion_billing_dependency_up") == 2
    assert value("fusion_billing_http_requests_total") > 0


def test_metrics_tell_how_many_counters_are_parked_for_too_long(
    app: Flask, conn: Connection
) -> None:
    def parked() -> dict[str, float]:
        lines = app.test_client().get("/metrics").text.splitlines()
        return {
            name.rpartition("counters_")[2]: float(value)
            for name, _, value in (line.partition(" ") for line in lines)
            if name.startswith("fusion_billing_counters_parked")
        }

    before = parked()
    world = make_world(conn, subscriptions=0)
    park(conn, world, [counter_of("new")], datetime.now(UTC))
    park(conn, world, [counter_of("old")], datetime.now(UTC) - DAY - SECOND)

    assert parked() == {
        "parked": before["parked"] + 2,
        "parked_too_long": before["parked_too_long"] + 1,
    }
