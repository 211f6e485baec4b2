"""Lago's client sends events, singly and in batches, and reads them back.

Olga owns a service, Mallory another.
"""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from lago_python_client.exceptions import LagoApiError
from lago_python_client.models.event import EventResponse

from ledger.catalog import SubscriptionRow, upsert_subscription
from ledger.db import Connection
from ledger.unparking import apply_parked
from tests.api_world import (
    STARTED,
    Answer,
    Person,
    answer_of,
    counter,
    queued_messages,
    work_off,
)
from tests.lago_world import lago_client, models

NOW = int(datetime.now(UTC).timestamp())


@pytest.fixture
def lago(url: str, olga: Person, conn: Connection) -> Any:
    """Olga's client; her metrics but ``count`` have their value in ``size``."""
    conn.execute(
        "UPDATE metric SET field_name = 'size' WHERE service_id = %s"
        " AND code <> 'count'",
        (olga.service_id,),
    )
    conn.commit()
    return lago_client(url, olga.key)


@pytest.fixture
def mallorys(url: str, mallory: Person) -> Any:
    return lago_client(url, mallory.key)


def event(transaction_id: str, code: str = "sum", **fields: Any) -> Any:
    """An event of Ada's, of size 5."""
    values = {
        "transaction_id": transaction_id,
        "external_subscription_id": "ada-1",
        "code": code,
        "timestamp": NOW,
        "properties": {"size": 5},
        **fields,
    }
    return models.Event(**values)


def batch(*events: Any) -> Any:
    return models.BatchEvent(events=list(events))


def post(who: Person, path: str, body: Any) -> Answer:
    """What a client of another kind may send."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {
        "Authorization": f"Bearer {who.key}",
        "Content-Type": "application/json",
    }
    response = who.client.post(f"/api/v1{path}", data=raw, headers=headers)
    return answer_of(response)


def one(**fields: Any) -> dict[str, Any]:
    """An event as JSON, without the fields that are None."""
    values = {
        "transaction_id": "x",
        "external_subscription_id": "ada-1",
        "code": "sum",
        "timestamp": NOW,
        "properties": {"size": 5},
        **fields,
    }
    return {name: value for name, value in values.items() if value is not None}


def units(who: Person, code: str) -> Decimal | None:
    """The current units of Ada's metric."""
    answer = who.get("/customers/ada/current_usage", external_subscription_id="ada-1")
    charges = answer.body["customer_usage"]["charges_usage"]
    found = [c["units"] for c in charges if c["billable_metric"]["code"] == code]
    return Decimal(found[0]) if found else None


def refusal(error: pytest.ExceptionInfo[LagoApiError]) -> tuple[int, Any]:
    assert isinstance(error.value.response, dict)
    return error.value.status_code, error.value.response.get("error_details")


def test_an_event_is_answered_in_lagos_shape(lago: Any) -> None:
    given = {"size": 2.5, "region": "ca", "ok": True}

    taken = lago.events.create(
        event("shape/1", timestamp=str(NOW) + ".1239", properties=given)
    )

    assert isinstance(taken, EventResponse)
    assert (taken.transaction_id, taken.code) == ("shape/1", "sum")
    assert taken.external_subscription_id == "ada-1"
    second = datetime.fromtimestamp(NOW, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    assert taken.timestamp == f"{second}.123Z"
    assert taken.properties == given
    assert taken.lago_id is not None
    assert taken.created_at is not None


def test_an_event_counts_by_the_property_of_its_metric(
    lago: Any, olga: Person, database_url: str, broker_url: str
) -> None:
    for code in ("sum", "max", "last", "unique", "count"):
        lago.events.create(event("e", code))
    lago.events.create(event("f", "count", properties=None))

    assert work_off(database_url, broker_url, olga.service_id)["applied"] == 6
    assert units(olga, "sum") == 5
    assert units(olga, "max") == 5
    assert units(olga, "last") == 5
    assert units(olga, "unique") == 1
    assert units(olga, "count") == 2


def test_an_event_is_stored_by_the_broker_when_it_is_answered(
    lago: Any, olga: Person, broker_url: str
) -> None:
    lago.events.create(event("stored"))

    (message,) = queued_messages(broker_url, olga.service_id)
    assert [row[1] for row in message["counters"]] == ["stored"]


def test_a_batch_is_answered_as_it_was_sent(
    lago: Any, olga: Person, database_url: str, broker_url: str
) -> None:
    lago.events.batch_create(batch(event("a"), event("b"), event("a", "count")))
    answer = post(olga, "/events/batch", {"events": [one(transaction_id="c")]})

    assert answer.status == 200
    (taken,) = answer.body["events"]
    EventResponse.parse_obj(taken)
    assert taken["transaction_id"] == "c"
    assert work_off(database_url, broker_url, olga.service_id)["applied"] == 4
    assert units(olga, "sum") == 15


def test_duplicates_succeed_and_count_once(
    lago: Any, olga: Person, database_url: str, broker_url: str
) -> None:
    first = lago.events.create(event("twice"))
    again = lago.events.create(event("twice"))
    lago.events.batch_create(batch(event("twice"), event("once"), event("once")))

    tally = work_off(database_url, broker_url, olga.service_id)
    assert (tally["applied"], tally["duplicate"]) == (2, 3)
    assert first.lago_id == again.lago_id
    assert units(olga, "sum") == 10


def test_another_event_under_one_id_is_a_conflict(
    lago: Any, olga: Person, database_url: str, broker_url: str
) -> None:
    lago.events.create(event("t"))
    lago.events.create(event("t", properties={"size": 5, "region": "ca"}))
    lago.events.create(event("t", timestamp=NOW - 1))

    tally = work_off(database_url, broker_url, olga.service_id)
    assert (tally["applied"], tally["conflict"]) == (1, 2)
    assert units(olga, "sum") == 5


def test_an_event_without_a_timestamp_is_of_now_and_counts_once(
    lago: Any, olga: Person, database_url: str, broker_url: str
) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    taken = lago.events.create(event("now", timestamp=None))
    time.sleep(0.01)
    lago.events.create(event("now", timestamp=None))

    at = datetime.fromisoformat(taken.timestamp)
    assert before <= at <= datetime.now(UTC)
    tally = work_off(database_url, broker_url, olga.service_id)
    assert (tally["applied"], tally["duplicate"]) == (1, 1)
    assert lago.events.find("now").timestamp == taken.timestamp


@pytest.mark.parametrize(
    "timestamp",
    [NOW, str(NOW), f"{NOW}.25", NOW + 0.25],
    ids=["integer", "text", "text of a fraction", "fraction"],
)
def test_a_timestamp_is_seconds_in_any_form(olga: Person, timestamp: Any) -> None:
    answer = post(olga, "/events", {"event": one(timestamp=timestamp)})

    assert answer.status == 200
    at = datetime.fromisoformat(answer.body["event"]["timestamp"])
    assert at.timestamp() == float(timestamp)


@pytest.mark.parametrize(
    "timestamp",
    [
        pytest.param(datetime.now(UTC).isoformat(), id="ISO 8601"),
        pytest.param(NOW * 1000, id="milliseconds"),
        pytest.param(str(NOW * 1000), id="milliseconds as text"),
        "yesterday",
        "",
        -1,
        True,
        [NOW],
        10**30,
        1e300,
    ],
)
def test_another_timestamp_is_an_invalid_format(olga: Person, timestamp: Any) -> None:
    answer = post(olga, "/events", {"event": one(timestamp=timestamp)})

    assert answer.status == 422
    assert answer.body["error_details"] == {"timestamp": ["invalid_format"]}


def test_what_is_missing_is_mandatory(lago: Any, olga: Person) -> None:
    answer = post(olga, "/events", {"event": {"transaction_id": None}})

    assert answer.status == 422
    assert answer.body["code"] == "validation_errors"
    assert answer.body["error_details"] == {
        "transaction_id": ["value_is_mandatory"],
        "external_subscription_id": ["value_is_mandatory"],
        "code": ["value_is_mandatory"],
    }


def test_a_batch_with_a_bad_event_is_refused_whole_by_index(
    lago: Any, olga: Person, broker_url: str
) -> None:
    with pytest.raises(LagoApiError) as refused:
        lago.events.batch_create(
            batch(event("a"), event("b", timestamp="2026-01-01T00:00:00Z"), event(""))
        )

    assert refusal(refused) == (
        422,
        {
            "1": {"timestamp": ["invalid_format"]},
            "2": {"transaction_id": ["value_is_mandatory"]},
        },
    )
    assert queued_messages(broker_url, olga.service_id) == []


def test_a_batch_holds_a_hundred_events(lago: Any, olga: Person) -> None:
    lago.events.batch_create(batch(*(event(f"t{n}") for n in range(100))))
    with pytest.raises(LagoApiError) as too_many:
        lago.events.batch_create(batch(*(event(f"t{n}") for n in range(101))))
    with pytest.raises(LagoApiError) as none:
        lago.events.batch_create(batch())

    assert refusal(too_many) == (422, {"events": ["too_many_events"]})
    assert refusal(none) == (422, {"events": ["no_events"]})


NESTED: Any = 1
for _ in range(500):
    NESTED = [NESTED]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"no json", 400),
        (b"[]", 400),
        (b"{}", 400),
        ({"event": None}, 400),
        ({"event": "text"}, 400),
        ({"event": []}, 422),
        ({"event": {}}, 422),
        ({"event": one(properties={"a": NESTED})}, 400),
        ({"event": one(properties=[1])}, 422),
        ({"event": one(properties="x")}, 422),
        ({"event": one(properties={"a": {"b": 1}})}, 422),
        ({"event": one(properties={"a": [1]})}, 422),
        ({"event": one(properties={"a": 10**30})}, 422),
        ({"event": one(properties={"a\0": 1})}, 422),
        ({"event": one(properties={"a": "\0"})}, 422),
        ({"event": one(properties={"a": "\ud800"})}, 422),
        ({"event": one(properties={"a": "x" * 17_000})}, 422),
        ({"event": one(properties={f"a{n}": n for n in range(51)})}, 422),
        ({"event": one(transaction_id="a\0b")}, 422),
        ({"event": one(transaction_id="\udfff")}, 422),
        ({"event": one(transaction_id="x" * 256)}, 422),
        ({"event": one(transaction_id=7)}, 422),
        ({"event": one(code={"a": 1})}, 422),
        ({"event": one(unknown={"what": "ever"})}, 200),
        ({"event": one(precise_total_amount_cents="12.5")}, 200),
        ({"event": one(properties={"text": "ä\n\t\x01"})}, 200),
    ],
)
def test_no_body_breaks_the_door(olga: Person, body: Any, status: int) -> None:
    assert post(olga, "/events", body).status == status
    if isinstance(body, dict) and isinstance(body.get("event"), dict):
        many = {"events": [one(), body["event"]]}
        assert post(olga, "/events/batch", many).status == status


@pytest.mark.parametrize(
    "body", [b"", {"events": None}, {"events": "x"}, {"event": one()}]
)
def test_a_batch_without_its_wrapper_is_a_bad_request(olga: Person, body: Any) -> None:
    assert post(olga, "/events/batch", body).status == 400


@pytest.mark.parametrize("item", [None, "x", 7, [], [one()]])
def test_what_is_no_event_is_refused_by_its_index(olga: Person, item: Any) -> None:
    answer = post(olga, "/events/batch", {"events": [one(), item]})

    assert answer.status == 422
    assert list(answer.body["error_details"]) == ["1"]


def test_an_event_is_read_back_as_it_was_taken(
    lago: Any, olga: Person, database_url: str, broker_url: str, conn: Connection
) -> None:
    taken = lago.events.create(event("a/b c", properties={"size": 1.5, "by": "ann"}))
    plain = lago.events.create(event("plain", "count", properties=None))
    work_off(database_url, broker_url, olga.service_id)

    found = lago.events.find("a/b c")
    row = conn.execute(
        "SELECT public_id::text, customer_id FROM subscription WHERE service_id = %s",
        (olga.service_id,),
    ).fetchone()
    conn.commit()

    assert row is not None
    assert found.lago_subscription_id == row[0]
    assert found.lago_customer_id is not None
    ours = {"lago_subscription_id", "lago_customer_id"}
    assert found.dict(exclude=ours) == taken.dict(exclude=ours)
    assert lago.events.find("plain").lago_id == plain.lago_id


def test_properties_come_back_exactly(
    lago: Any, olga: Person, database_url: str, broker_url: str
) -> None:
    text = '"precise": 0.12345678901234567891, "long": 123456789012345678901234567890'
    body = json.dumps({"event": one(properties={"size": 1})})
    body = body.replace('"size": 1', text)
    assert post(olga, "/events", body.encode()).status == 200
    work_off(database_url, broker_url, olga.service_id)

    answer = olga.get("/events/x", external_subscription_id="ada-1")
    assert answer.status == 404  # its metric finds no value in it

    body = body.replace(text, '"size": 1, ' + text).replace('"x"', '"y"')
    post(olga, "/events", body.encode())
    taken = post(olga, "/events", body.encode())
    work_off(database_url, broker_url, olga.service_id)
    found = olga.get("/events/y")
    for answer in (taken, found):
        properties = json.loads(answer.text, parse_float=Decimal)["event"]["properties"]
        assert properties["precise"] == Decimal("0.12345678901234567891")
        assert properties["long"] == 123456789012345678901234567890


def test_a_parked_event_is_read_back_and_counts_when_its_subscription_comes(
    lago: Any, olga: Person, database_url: str, broker_url: str, conn: Connection
) -> None:
    taken = lago.events.create(event("early", external_subscription_id="ada-2"))
    assert work_off(database_url, broker_url, olga.service_id)["parked"] == 1

    parked = lago.events.find("early")
    assert (parked.lago_id, parked.lago_subscription_id) == (taken.lago_id, None)

    row = SubscriptionRow(
        *(olga.service, "ada-2", "ada", "plan", STARTED, None),
        *("America/Toronto", "calendar"),
        odoo_id=2,
    )
    upsert_subscription(conn, row)
    apply_parked(conn, olga.service_id, datetime.now(UTC))
    conn.commit()
    applied = lago.events.find("early")
    assert applied.lago_id == taken.lago_id
    assert applied.lago_subscription_id is not None


def test_what_is_not_in_the_books_is_not_found(
    lago: Any, olga: Person, database_url: str, broker_url: str
) -> None:
    lago.events.create(event("bad", properties={"size": "no number"}))
    lago.events.create(event("void"))
    work_off(database_url, broker_url, olga.service_id)
    assert olga.void("void", reason="wrong").status == 200

    for name in ("bad", "void", "never", "x" * 300):
        with pytest.raises(LagoApiError) as missing:
            lago.events.find(name)
        assert missing.value.status_code == 404
        assert isinstance(missing.value.response, dict)
        assert missing.value.response["code"] == "event_not_found"
    assert olga.get("/events/a%00b").status == 404


def test_a_pushed_counter_is_an_event_of_its_subscription(
    olga: Person, database_url: str, broker_url: str
) -> None:
    assert olga.push(counter("pushed"), counter("said", properties={"a": 1})).status
    work_off(database_url, broker_url, olga.service_id)

    found = olga.get("/events/pushed", external_subscription_id="ada-1", code="sum")
    assert found.status == 200
    assert found.body["event"]["properties"] == {}
    assert olga.get("/events/said").status == 200
    assert olga.get("/events/pushed").status == 404
    other = olga.get("/events/pushed", external_subscription_id="ada-1", code="max")
    assert other.status == 404


@pytest.fixture
def listed(
    lago: Any, olga: Person, database_url: str, broker_url: str
) -> Iterator[Person]:
    """Five events of Ada, a second apart, and one that is parked."""
    for number in range(5):
        code = "sum" if number % 2 else "count"
        lago.events.create(event(f"e{number}", code, timestamp=NOW - number))
    lago.events.create(event("p", timestamp=NOW - 9, external_subscription_id="bob-1"))
    work_off(database_url, broker_url, olga.service_id)
    yield olga


def names(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.text
    for found in answer.body["events"]:
        EventResponse.parse_obj(found)
    return [found["transaction_id"] for found in answer.body["events"]]


def test_events_are_listed_the_newest_first(listed: Person) -> None:
    answer = listed.get("/events")

    assert names(answer) == ["e0", "e1", "e2", "e3", "e4", "p"]
    assert answer.body["meta"] == {
        "current_page": 1,
        "next_page": None,
        "prev_page": None,
        "total_pages": 1,
        "total_count": 6,
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"external_subscription_id": "bob-1"}, ["p"]),
        ({"external_subscription_id": "nobody"}, []),
        ({"code": "sum"}, ["e1", "e3", "p"]),
        ({"code": "sum", "external_subscription_id": "ada-1"}, ["e1", "e3"]),
        ({"timestamp_from": NOW - 2}, ["e0", "e1", "e2"]),
        ({"timestamp_to": str(NOW - 3)}, ["e3", "e4", "p"]),
        (
            {
                "timestamp_from": datetime.fromtimestamp(NOW - 2, UTC).strftime(
                    "%Y-%m-%dT%H:%M:%SZ"
                ),
                "timestamp_to": NOW - 1,
            },
            ["e1", "e2"],
        ),
        ({"page": 2, "per_page": 4}, ["e4", "p"]),
        ({"page": 3, "per_page": 4}, []),
        ({"unknown": "filter"}, ["e0", "e1", "e2", "e3", "e4", "p"]),
    ],
)
def test_events_are_filtered_and_paged(
    listed: Person, query: dict[str, Any], expected: list[str]
) -> None:
    assert names(listed.get("/events", **query)) == expected


def test_a_page_says_where_it_stands(listed: Person) -> None:
    meta = listed.get("/events", page=2, per_page=2).body["meta"]

    assert meta == {
        "current_page": 2,
        "next_page": 3,
        "prev_page": 1,
        "total_pages": 3,
        "total_count": 6,
    }


def test_no_events_are_an_empty_list(mallory: Person) -> None:
    answer = mallory.get("/events")

    assert names(answer) == []
    assert answer.body["meta"]["total_pages"] == 0
    assert answer.body["meta"]["total_count"] == 0


@pytest.mark.parametrize(
    "query",
    [
        {"page": 0},
        {"per_page": 10**30},
        {"page": "x"},
        {"timestamp_from": "then"},
        {"timestamp_to": "2026-01-01"},
        {"timestamp_from": NOW * 1000},
        {"external_subscription_id": "a\0b"},
        {"code": "x" * 300},
    ],
)
def test_a_query_that_cannot_be_read_is_refused(
    olga: Person, query: dict[str, Any]
) -> None:
    answer = olga.get("/events", **query)

    assert answer.status == 422
    assert list(answer.body["error_details"]) == list(query)


def test_events_of_others_are_as_if_they_were_not_there(
    listed: Person, mallory: Person, mallorys: Any, database_url: str, broker_url: str
) -> None:
    """P12; and Mallory's event of the same names is hers alone."""
    for name in ("e0", "p"):
        with pytest.raises(LagoApiError) as missing:
            mallorys.events.find(name)
        assert missing.value.status_code == 404
        query = {"external_subscription_id": "ada-1"}
        assert mallory.get(f"/events/{name}", **query).status == 404
    assert names(mallory.get("/events", external_subscription_id="bob-1")) == []

    hers = mallorys.events.create(event("e0", "count", properties={"by": "mallory"}))
    work_off(database_url, broker_url, mallory.service_id)

    assert mallorys.events.find("e0").properties == {"by": "mallory"}
    mine = listed.get("/events/e0").body["event"]
    assert mine["properties"] == {"size": 5}
    assert mine["lago_id"] != hers.lago_id


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/events"),
        ("POST", "/events/batch"),
        ("GET", "/events"),
        ("GET", "/events/x"),
    ],
)
def test_without_a_key_nothing_is_told(olga: Person, method: str, path: str) -> None:
    response = olga.client.open(f"/api/v1{path}", method=method, json={})

    assert response.status_code == 401
