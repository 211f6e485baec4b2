"""Every method of Lago's clients meets a route of ours, or a 501 that helps on."""

import re
from pathlib import Path

import pytest
from werkzeug.exceptions import HTTPException

from ingest_api.app import create_app
from ingest_api.lago.absent import ABSENT_ROUTES
from ingest_api.routes import API_ROUTES, PREFIXES
from schemas.lago_absent_rows import ABSENT, absent_table
from tests.broker_settings import broker_settings
from tests.lago.client_calls import (
    Call,
    javascript_calls,
    javascript_calls_of,
    javascript_package,
    python_calls,
)

OWN = {"/usage", "/usage/<path:transaction_id>/void", "/batches/<batch_id>"}
README = Path(__file__).parents[2] / "README.md"


def missed(calls: set[Call]) -> list[Call]:
    """Those that neither a route nor the table answers, under either prefix."""
    urls = create_app(broker_settings("redis://127.0.0.1:1/0")).url_map.bind("api")
    found = []
    for method, path in sorted(calls):
        for prefix in PREFIXES:
            try:
                _, values = urls.match(prefix + path, method)
            except HTTPException:
                found.append((method, path))
            else:
                # Ids may hold slashes: a path that is all id met another route.
                if any("/" in text for name, text in values.items() if name != "_"):
                    found.append((method, path))
    return found


def test_every_call_of_the_python_client_is_answered() -> None:
    calls = python_calls()

    assert len(calls) > 150
    assert missed(calls) == []


def test_every_call_of_the_javascript_client_is_answered() -> None:
    calls = javascript_calls()

    assert len(calls) > 200
    assert missed(calls) == []


def test_the_list_of_calls_is_the_javascript_clients() -> None:
    package = javascript_package()
    if package is None:
        pytest.skip("lago-javascript-client is not installed; .ci/run installs it")

    assert javascript_calls_of(package) == javascript_calls()


def test_no_row_takes_a_route_from_another() -> None:
    app = create_app(broker_settings("redis://127.0.0.1:1/0"))
    urls = app.url_map.bind("api")
    for route in API_ROUTES:
        path = re.sub(r"<[^>]*>", "ID", route.path)

        endpoint, _ = urls.match(PREFIXES[0] + path, route.method)

        assert "absent" not in endpoint, (route.method, path)


def test_every_row_is_reached_and_says_what_it_has_to() -> None:
    urls = create_app(broker_settings("redis://127.0.0.1:1/0")).url_map.bind("api")
    taken = []
    for route in ABSENT_ROUTES:
        path = re.sub(r"<[^>]*>", "ID", route.path)
        for method in route.methods:
            endpoint, _ = urls.match(PREFIXES[1] + path, method)
            if not endpoint.startswith(f"{PREFIXES[1]}absent"):
                taken.append((method, path))

    assert taken == [], "these are there by now; take them out of ABSENT"


def test_readme_has_the_table_as_it_is() -> None:
    assert absent_table() in README.read_text(encoding="utf-8")


def test_readme_names_every_call_that_is_there() -> None:
    section = README.read_text(encoding="utf-8").partition("## Lago's API")[2]
    named = {
        (method, path)
        for methods, path in re.findall(r"`((?:[A-Z]+ )+)(/[^`]*)`", section)
        for method in methods.split()
    }
    there = {
        (route.method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.path))
        for route in API_ROUTES
        if not route.open and route.path not in OWN
    }

    assert named == there


def test_no_row_promises_an_endpoint_that_is_not_there() -> None:
    named = {
        (method, re.sub(r"\{\w+\}", "ID", path))
        for row in ABSENT
        for method, path in re.findall(
            r"(GET|POST|PUT|PATCH) (/[a-z_/{}]+)", row.instead
        )
    }
    there = {
        (route.method, re.sub(r"<[^>]*>", "ID", route.path)) for route in API_ROUTES
    }

    assert named - there == set()
