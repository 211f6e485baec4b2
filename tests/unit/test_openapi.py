"""The OpenAPI document is valid, and says neither more nor less than the app does."""

import re
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import validate

from ingest_api.app import create_app
from ingest_api.openapi import DOCUMENT_PATHS
from ingest_api.routes import PREFIXES
from tests.broker_settings import broker_settings

AUTOMATIC = {"HEAD", "OPTIONS"}


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(broker_settings("redis://127.0.0.1:1"))


@pytest.fixture(scope="module")
def document(app: Flask) -> Any:
    return app.test_client().get("/openapi.json").json


def operations(document: Any) -> dict[tuple[str, str], Any]:
    return {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_the_document_is_valid_openapi(document: Any) -> None:
    validate(document)


def test_the_document_has_every_route_but_absent_ones_and_no_other(
    app: Flask, document: Any
) -> None:
    routes = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if "absent " not in rule.endpoint
        for method in (rule.methods or set()) - AUTOMATIC
    }
    spoken_of, other = PREFIXES
    for method, path in [route for route in routes if route[1].startswith(other)]:
        assert (method, spoken_of + path.removeprefix(other)) in routes
        if path not in DOCUMENT_PATHS:
            routes.remove((method, path))

    assert set(operations(document)) == routes


def test_every_route_that_asks_for_a_key_says_so(document: Any) -> None:
    for (_, path), operation in operations(document).items():
        keyed = bool(operation.get("security"))

        assert keyed == ("401" in operation["responses"]), path


def test_the_document_is_the_same_under_the_prefix(app: Flask, document: Any) -> None:
    answer = app.test_client().get("/api/billing/v1/openapi.json")

    assert answer.json == document


def test_the_counter_is_described_as_it_is_judged(document: Any) -> None:
    counter = document["components"]["schemas"]["Counter"]

    assert counter["additionalProperties"] is False
    assert counter["properties"]["code"]["maxLength"] == 255
    assert {"required": ["values"]} in counter["anyOf"]
    assert set(counter["required"]) == {
        "transaction_id",
        "external_subscription_id",
        "code",
        "timestamp",
    }
