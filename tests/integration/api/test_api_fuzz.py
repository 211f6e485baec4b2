"""No input gives a 5xx, and what gets a 4xx stores nothing (P15)."""

import json
import string
from urllib.parse import quote

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ingest_api.openapi import build_document
from ledger.db import Connection
from ledger.keys import SCOPES, create_key
from tests.api_world import BASE, Person, counter, queued_messages

FUZZ = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=list(HealthCheck),
)
OPERATIONS = [
    (method, path)
    for path, methods in build_document("0")["paths"].items()
    for method in methods
]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture
def keeper_key(olga: Person, conn: Connection) -> str:
    """A key of Olga's that may do all there is."""
    key = create_key(conn, olga.service, SCOPES)
    conn.commit()
    return key


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
@settings(FUZZ, max_examples=30)
@given(data=st.data())
def test_every_answer_is_one_that_the_document_names(
    method: str, path: str, data: st.DataObject, app: Flask, keeper_key: str
) -> None:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    case = data.draw(schema[path][method].as_strategy())

    case.call_and_validate(
        headers={"Authorization": f"Bearer {keeper_key}"}, checks=CHECKS
    )


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=5)
    | st.sampled_from(["\0", "\ud800", "x" * 300, 10**400, -(10**50), 1e308]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*counter("t"), "values", "x"]), inner)
    ),
    max_leaves=8,
)
ITEMS = st.builds(
    lambda name, value: {**counter("t"), name: value},
    st.sampled_from([*counter("t"), "values", "other"]),
    JSON,
)
BODIES = st.one_of(
    st.binary(max_size=100),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.lists(ITEMS | JSON, max_size=4).map(
        lambda items: json.dumps({"counters": items}).encode()
    ),
    st.text("{}[]\":,0123456789.eE+-ntf \\u'", max_size=60).map(str.encode),
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "Content_Encoding": st.sampled_from(["gzip", "identity", "br", ""]),
        "Content_Type": st.sampled_from(["application/json", "text/plain", ""]),
        "Idempotency_Key": st.text(string.printable.strip() + " é", max_size=4),
    },
)


def left_behind(olga: Person, conn: Connection, broker_url: str) -> list[int]:
    conn.rollback()
    row = conn.execute(
        """
        SELECT (SELECT count(*) FROM batch WHERE service_id = %(id)s),
               (SELECT count(*) FROM idempotency_key WHERE service_id = %(id)s)
        """,
        {"id": olga.service_id},
    ).fetchone()
    assert row is not None
    return [*row, len(queued_messages(broker_url, olga.service_id))]


@FUZZ
@given(body=BODIES, headers=HEADERS)
def test_any_body_is_taken_or_refused_without_a_trace(
    body: bytes,
    headers: dict[str, str],
    olga: Person,
    conn: Connection,
    broker_url: str,
) -> None:
    before = left_behind(olga, conn, broker_url)

    answer = olga.push_bytes(body, **headers)

    assert answer.status in (202, 400, 413, 415, 422, 429), answer.text
    if answer.status != 202:
        assert answer.body["status"] == answer.status
        assert left_behind(olga, conn, broker_url) == before


@FUZZ
@given(
    path=st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    query=st.dictionaries(
        st.sampled_from(
            [
                "page",
                "per_page",
                "outcome",
                "external_subscription_id",
                "periods_count",
                "billable_metric_code",
            ]
        ),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    ),
    raw=st.sampled_from(["", "%00", "%ff", "%2F", "..", "%ed%a0%80"]),
)
def test_any_path_and_query_get_an_answer(
    path: str, query: dict[str, str], raw: str, olga: Person
) -> None:
    odd = quote(path) + raw
    for place in (
        f"/batches/{odd}",
        f"/customers/{odd}/current_usage",
        f"/customers/{odd}/past_usage",
        f"/customers/ada/current_usage/{odd}",
        f"/{odd}",
    ):
        answer = olga.get(place, **query)

        assert answer.status in (200, 404, 422, 429), (place, answer.text)


ORDERS = st.one_of(
    st.binary(max_size=60),
    st.dictionaries(
        st.sampled_from(["external_subscription_id", "code", "reason", "x"]), JSON
    ).map(lambda order: json.dumps({"void": order}).encode()),
)


@FUZZ
@given(
    transaction_id=st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    raw=st.sampled_from(["", "%00", "%ff", "%2F", "..", "%ed%a0%80"]),
    body=ORDERS | st.just(b'{"void": {"external_subscription_id": "a", "code": "b"}}'),
)
def test_any_order_gets_an_answer_and_takes_nothing_back(
    transaction_id: str, raw: str, body: bytes, olga: Person, conn: Connection
) -> None:
    answer = olga.void_bytes(quote(transaction_id, safe="") + raw, body)

    assert answer.status in (400, 404, 422, 429), answer.text
    conn.rollback()
    assert conn.execute("SELECT count(*) FROM counter_void").fetchone() == (0,)


@FUZZ
@given(header=st.text(st.characters(max_codepoint=255), max_size=30))
def test_any_authorization_gets_an_answer(header: str, app: Flask) -> None:
    headers = {"Authorization": header.replace("\n", "").replace("\r", "")}

    answer = app.test_client().get(f"{BASE}/batches/x", headers=headers)

    assert answer.status_code == 401
