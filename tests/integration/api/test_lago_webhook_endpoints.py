"""Webhook endpoints as an app manages them with Lago's own client."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from lago_python_client.exceptions import LagoApiError
from lago_python_client.models.webhook_endpoint import WebhookEndpoint

from ledger.app_endpoints import remove_endpoint
from ledger.db import Connection, connect
from ledger.outbox import enqueue_event
from ledger.sealing import signing_key
from tests.api_world import BASE, Answer, Person, answer_of
from tests.waiting import wait_until

URL = "https://app.example/hooks"
WAITING = """
    SELECT FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def ask(person: Person, method: str, path: str, body: Any = None) -> Answer:
    """A request as it is, below the API's base."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return answer_of(
        person.client.open(
            BASE + path,
            method=method,
            data=None if body is None else sent,
            headers={
                "Authorization": f"Bearer {person.key}",
                "Content-Type": "application/json",
            },
        )
    )


def create(person: Person, **fields: Any) -> Answer:
    values = {"webhook_url": URL, **fields}
    return ask(person, "POST", "/webhook_endpoints", {"webhook_endpoint": values})


def created(person: Person, **fields: Any) -> dict[str, Any]:
    answer = create(person, **fields)
    assert answer.status == 200, answer.text
    endpoint: dict[str, Any] = answer.body["webhook_endpoint"]
    return endpoint


def test_an_empty_name_is_none(olga: Person) -> None:
    made = created(olga, name="Main")
    path = f"/webhook_endpoints/{made['lago_id']}"

    changed = ask(olga, "PUT", path, {"webhook_endpoint": {"name": ""}})

    assert (made["name"], changed.status) == ("Main", 200)
    assert changed.body["webhook_endpoint"]["name"] is None


def test_the_client_makes_reads_lists_changes_and_deletes_an_endpoint(
    lago: Any,
) -> None:
    made = lago.webhook_endpoints.create(
        WebhookEndpoint(
            webhook_url=URL,
            signature_algo="hmac",
            name="Main",
            event_types=["invoice.created", "customer.created"],
        )
    )
    assert made is not None
    found = lago.webhook_endpoints.find(made.lago_id)
    listed = lago.webhook_endpoints.find_all({"per_page": 2, "page": 1})
    changed = lago.webhook_endpoints.update(
        WebhookEndpoint.parse_obj({"webhook_url": f"{URL}/2", "signature_algo": "jwt"}),
        made.lago_id,
    )
    gone = lago.webhook_endpoints.destroy(made.lago_id)

    assert found == made
    assert made.event_types == ["customer.created", "invoice.created"]
    assert (made.name, made.signature_algo) == ("Main", "hmac")
    assert listed["webhook_endpoints"] == [made]
    assert listed["meta"]["total_count"] == 1
    assert (changed.webhook_url, changed.signature_algo) == (f"{URL}/2", "jwt")
    assert changed.event_types == made.event_types
    assert gone == changed
    assert lago.webhook_endpoints.find_all()["webhook_endpoints"] == []
    with pytest.raises(LagoApiError) as refused:
        lago.webhook_endpoints.find(made.lago_id)
    assert refused.value.status_code == 404


def test_what_is_left_out_is_as_in_lago(olga: Person) -> None:
    endpoint = created(olga, name=None, signature_algo=None, event_types=None)

    assert endpoint["signature_algo"] == "jwt"
    assert endpoint["body_style"] == "lago"
    assert endpoint["event_types"] is None
    assert endpoint["name"] is None
    assert endpoint["enabled"] is True


def test_the_secret_is_shown_once(olga: Person) -> None:
    endpoint = created(olga)

    path = f"/webhook_endpoints/{endpoint['lago_id']}"
    again = [
        ask(olga, "GET", path),
        ask(olga, "GET", "/webhook_endpoints"),
        ask(olga, "PUT", path, {"webhook_endpoint": {"name": "x"}}),
    ]
    assert len(signing_key(endpoint["secret"])) == 32
    assert all(answer.status == 200 for answer in again)
    assert not any("whsec" in answer.text for answer in again)


def test_a_rotation_shows_a_new_secret_and_keeps_the_old_for_a_day(
    olga: Person, conn: Connection
) -> None:
    endpoint = created(olga)
    path = f"/webhook_endpoints/{endpoint['lago_id']}/rotate"

    first, second = ask(olga, "POST", path), ask(olga, "POST", path)

    secrets = {a.body["webhook_endpoint"]["secret"] for a in (first, second)}
    assert len({endpoint["secret"], *secrets}) == 3
    row = conn.execute(
        "SELECT cardinality(old_secrets), old_secrets_until - now() FROM"
        " webhook_endpoint WHERE id = %s",
        [endpoint["lago_id"]],
    ).fetchone()
    assert row is not None
    assert row[0] == 2
    assert 23.9 * 3600 < row[1].total_seconds() <= 24 * 3600


def test_all_types_are_meant_by_a_star(olga: Person) -> None:
    endpoint = created(olga, event_types=["invoice.created"])
    path = f"/webhook_endpoints/{endpoint['lago_id']}"

    answer = ask(olga, "PUT", path, {"webhook_endpoint": {"event_types": ["*"]}})

    assert answer.body["webhook_endpoint"]["event_types"] is None


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"webhook_url": None}, "webhook_url", "value_is_mandatory"),
        ({"webhook_url": 7}, "webhook_url", "url_invalid"),
        ({"webhook_url": ""}, "webhook_url", "url_invalid"),
        ({"webhook_url": "ftp://app.example"}, "webhook_url", "url_invalid"),
        ({"webhook_url": "http://app.example"}, "webhook_url", "url_invalid"),
        ({"webhook_url": "https://127.0.0.1/x"}, "webhook_url", "url_invalid"),
        ({"webhook_url": "https://10.0.0.1/x"}, "webhook_url", "url_invalid"),
        ({"webhook_url": "https://[::ffff:10.0.0.1]/"}, "webhook_url", "url_invalid"),
        ({"webhook_url": "https://a\0b.example"}, "webhook_url", "url_invalid"),
        ({"webhook_url": "https://\ud800.example"}, "webhook_url", "url_invalid"),
        ({"webhook_url": "https://a.example/" + "x" * 3000}, "webhook_url", None),
        ({"signature_algo": "md5"}, "signature_algo", "value_is_invalid"),
        ({"signature_algo": 10**30}, "signature_algo", "value_is_invalid"),
        ({"body_style": "xml"}, "body_style", "value_is_invalid"),
        ({"name": "a\0b"}, "name", "value_is_invalid"),
        ({"name": "\ud800"}, "name", "value_is_invalid"),
        ({"name": "x" * 256}, "name", "value_is_invalid"),
        ({"event_types": ["no.such"]}, "event_types", "value_is_invalid"),
        ({"event_types": ["\ud800"]}, "event_types", "value_is_invalid"),
        ({"event_types": []}, "event_types", "value_is_invalid"),
        ({"event_types": "invoice.created"}, "event_types", "value_is_invalid"),
        ({"event_types": [1]}, "event_types", "value_is_invalid"),
        ({"event_types": {"a": [10**30]}}, "event_types", "value_is_invalid"),
    ],
)
def test_a_bad_field_is_refused_and_changes_nothing(
    fields: dict[str, Any], field: str, code: str | None, olga: Person
) -> None:
    endpoint = created(olga, webhook_url=f"{URL}/there")
    path = f"/webhook_endpoints/{endpoint['lago_id']}"
    before = ask(olga, "GET", "/webhook_endpoints").body

    answers = [create(olga, **fields)]
    if fields != {"webhook_url": None}:
        answers.append(ask(olga, "PUT", path, {"webhook_endpoint": fields}))

    for answer in answers:
        assert answer.status == 422, answer.text
        assert answer.body["code"] == "validation_errors"
        assert answer.body["error_details"] == {field: [code or "url_invalid"]}
    assert ask(olga, "GET", "/webhook_endpoints").body == before


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"webhook_endpoint": 1}'])
def test_a_body_without_the_wrapper_is_a_bad_request(body: bytes, olga: Person) -> None:
    path = f"/webhook_endpoints/{created(olga)['lago_id']}"

    for method, place in (("POST", "/webhook_endpoints"), ("PUT", path)):
        assert ask(olga, method, place, body).status == 400


def test_a_url_is_used_once_by_a_service_and_again_when_it_was_deleted(
    olga: Person, mallory: Person
) -> None:
    endpoint = created(olga)
    other = created(olga, webhook_url=f"{URL}/2")

    twice = create(olga)
    moved = ask(
        olga,
        "PUT",
        f"/webhook_endpoints/{other['lago_id']}",
        {"webhook_endpoint": {"webhook_url": URL}},
    )
    ask(olga, "DELETE", f"/webhook_endpoints/{endpoint['lago_id']}")

    for answer in (twice, moved):
        assert answer.status == 422
        assert answer.body["error_details"] == {"webhook_url": ["value_already_exist"]}
    assert create(olga).status == 200
    assert create(mallory).status == 200


def test_ten_endpoints_are_the_most_however_many_ask_at_once(olga: Person) -> None:
    with ThreadPoolExecutor(4) as executor:
        answers = list(
            executor.map(
                lambda number: create(olga, webhook_url=f"{URL}/{number}"), range(14)
            )
        )

    refused = [answer for answer in answers if answer.status != 200]
    assert len(refused) == 4
    for answer in refused:
        assert answer.status == 422
        assert answer.body["error_details"] == {"base": ["exceeded_limit"]}


def test_a_list_has_pages(olga: Person) -> None:
    ids = [created(olga, webhook_url=f"{URL}/{n}")["lago_id"] for n in range(3)]

    answer = ask(olga, "GET", "/webhook_endpoints?per_page=2&page=2")
    past = ask(olga, "GET", "/webhook_endpoints?per_page=2&page=9")

    shown = [endpoint["lago_id"] for endpoint in answer.body["webhook_endpoints"]]
    assert shown == ids[2:]
    assert answer.body["meta"] == {
        "current_page": 2,
        "next_page": None,
        "prev_page": 1,
        "total_pages": 2,
        "total_count": 3,
    }
    assert past.body["webhook_endpoints"] == []


def test_a_deleted_endpoint_gets_nothing_more(olga: Person, conn: Connection) -> None:
    endpoint = created(olga)
    now = conn.execute("SELECT now()").fetchone()
    assert now is not None
    enqueue_event(conn, olga.service_id, "invoice.created", {"invoice": {}}, now[0])
    conn.commit()

    ask(olga, "DELETE", f"/webhook_endpoints/{endpoint['lago_id']}")
    sent = enqueue_event(conn, olga.service_id, "invoice.created", {}, now[0])

    waiting = conn.execute(
        "SELECT count(*) FROM webhook_delivery WHERE endpoint_id = %s",
        [endpoint["lago_id"]],
    ).fetchone()
    assert sent == 0
    assert waiting == (0,)


def test_anothers_endpoint_does_not_exist(olga: Person, mallory: Person) -> None:
    theirs = f"/webhook_endpoints/{created(olga)['lago_id']}"
    nowhere = f"/webhook_endpoints/{uuid4()}"
    body = {"webhook_endpoint": {"name": "mine now"}}
    requests = [
        ("GET", "", None),
        ("PUT", "", body),
        ("DELETE", "", None),
        ("POST", "/rotate", None),
    ]

    for method, more, sent in requests:
        at_hers = ask(mallory, method, theirs + more, sent)
        at_none = ask(mallory, method, nowhere + more, sent)
        assert at_hers.status == 404
        assert at_hers.body == at_none.body
        assert at_hers.body["code"] == "webhook_endpoint_not_found"
    assert ask(mallory, "GET", "/webhook_endpoints").body["webhook_endpoints"] == []
    assert ask(olga, "GET", theirs).body["webhook_endpoint"]["name"] is None


@pytest.mark.parametrize(
    "odd",
    ["x", "%00", "%ff", "{}", "urn:uuid:5b1c0f0e-7f5a-4c8e-9d6a-3f0a1c2b4d5e"],
)
def test_an_odd_id_is_unknown(odd: str, olga: Person) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = ask(
            olga, method, f"/webhook_endpoints/{odd}", {"webhook_endpoint": {}}
        )
        assert answer.status == 404


def test_without_a_key_there_is_nothing_to_see(app: Flask) -> None:
    for method, path in (
        ("GET", "/webhook_endpoints"),
        ("POST", "/webhook_endpoints"),
        ("GET", f"/webhook_endpoints/{uuid4()}"),
        ("POST", f"/webhook_endpoints/{uuid4()}/rotate"),
    ):
        answer = app.test_client().open(BASE + path, method=method)
        assert answer.status_code == 401


def test_lagos_headers_tell_what_the_key_has_left(olga: Person) -> None:
    answer = ask(olga, "GET", "/webhook_endpoints")

    for name in ("Limit", "Remaining", "Reset"):
        assert answer.headers[f"X-RateLimit-{name}"].isdigit()


def test_nothing_waits_for_a_deleted_endpoint_whichever_came_first(
    olga: Person, conn: Connection, database_url: str
) -> None:
    def somebody_waits() -> bool:
        conn.rollback()
        return conn.execute(WAITING).fetchone() is not None

    def send(other: Connection) -> None:
        enqueue_event(other, olga.service_id, "invoice.created", {}, datetime.now(UTC))

    first, second = created(olga), created(olga, webhook_url=f"{URL}/2")
    path = f"/webhook_endpoints/{first['lago_id']}"
    with ThreadPoolExecutor() as threads, connect(database_url) as other:
        send(other)
        gone = threads.submit(ask, olga, "DELETE", path)
        wait_until(somebody_waits, "the event is before the deletion")
        other.commit()
        assert gone.result().status == 200

        now, its_id = datetime.now(UTC), UUID(second["lago_id"])
        remove_endpoint(other, olga.service_id, its_id, now)
        with connect(database_url) as third:
            sent = threads.submit(send, third)
            wait_until(somebody_waits, "the deletion is before the event")
            other.commit()
            sent.result()

    waiting = "SELECT FROM webhook_delivery WHERE endpoint_id = ANY(%s)"
    ids = [UUID(first["lago_id"]), UUID(second["lago_id"])]
    assert conn.execute(waiting, [ids]).fetchall() == []
