"""Lago's client reads a subscription's usage in its whole life, and says of before."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ledger.db import Connection
from tests.api_world import BASE, Person, answer_of, counter, work_off
from tests.lago_world import lago_client
from workers.thresholds import check_thresholds

PATH = "/subscriptions/{}/lifetime_usage"
GIVEN = "external_historical_usage_amount_cents"


@pytest.fixture
def client(url: str, olga: Person) -> Any:
    return lago_client(url, olga.key)


def put(person: Person, body: bytes, name: str = "ada-1") -> Any:
    return answer_of(
        person.client.put(
            BASE + PATH.format(name),
            data=body,
            headers={
                "Authorization": f"Bearer {person.key}",
                "Content-Type": "application/json",
            },
        )
    )


def given_body(value: Any) -> bytes:
    return json.dumps({"lifetime_usage": {GIVEN: value}}).encode()


def test_lifetime_usage_reads_as_lagos(
    client: Any, olga: Person, database_url: str, broker_url: str
) -> None:
    olga.push(counter("t-1", code="max", value=3))
    work_off(database_url, broker_url, olga.service_id)

    usage = client.subscriptions.lifetime_usage("ada-1")
    again = client.subscriptions.lifetime_usage("ada-1")

    assert usage.external_subscription_id == "ada-1"
    assert usage.current_usage_amount_cents == 75
    assert usage.invoiced_usage_amount_cents == 0
    assert usage.external_historical_usage_amount_cents == 0
    assert usage.from_datetime == "2026-01-01T00:00:00Z"
    assert usage.lago_id == again.lago_id != usage.lago_subscription_id


def test_thresholds_are_shown_as_lagos(
    client: Any, olga: Person, conn: Connection, database_url: str, broker_url: str
) -> None:
    conn.execute(
        "UPDATE plan SET usage_thresholds = %s WHERE service_id = %s",
        (
            '[{"id": "a", "amount": "0.50", "recurring": false, "name": ""},'
            ' {"id": "b", "amount": "1.50", "recurring": false, "name": ""}]',
            olga.service_id,
        ),
    )
    conn.commit()
    olga.push(counter("t-1", code="max", value=3))
    work_off(database_url, broker_url, olga.service_id)
    check_thresholds(database_url, lambda: datetime.now(UTC))

    reached, ahead = client.subscriptions.lifetime_usage("ada-1").usage_thresholds

    assert (reached.amount_cents, reached.completion_ratio) == (50, 1.0)
    assert reached.reached_at is not None
    assert (ahead.amount_cents, ahead.completion_ratio) == (150, 0.5)
    assert ahead.reached_at is None


def test_what_was_used_before_is_said_and_read(client: Any) -> None:
    said = client.subscriptions.update_lifetime_usage("ada-1", 123_456)
    read = client.subscriptions.lifetime_usage("ada-1")

    assert said.external_historical_usage_amount_cents == 123_456
    assert read.external_historical_usage_amount_cents == 123_456


@pytest.mark.parametrize(
    "value",
    [-1, 10**30, 1.5, "x", "1\0", True, [], {}, {"a": [[[]]]}, 10**15 + 1],
    ids=str,
)
def test_what_is_no_amount_is_refused_and_changes_nothing(
    value: Any, olga: Person
) -> None:
    refused = put(olga, given_body(value))

    assert refused.status == 422
    assert refused.body["error_details"] == {GIVEN: ["value_is_invalid"]}
    kept = olga.get(PATH.format("ada-1")).body["lifetime_usage"]
    assert kept[GIVEN] == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b'{"lifetime_usage": 1}', 400),
        (b'{"lifetime_usage": {}}', 422),
        (b'{"lifetime_usage": {"external_historical_usage_amount_cents": null}}', 422),
        (b"[" * 5000, 400),
    ],
)
def test_a_body_that_says_nothing_is_refused(
    body: bytes, status: int, olga: Person
) -> None:
    assert put(olga, body).status == status


def test_fields_that_are_not_known_are_passed_over(olga: Person) -> None:
    body = json.dumps({"lifetime_usage": {GIVEN: 7, "colour": "red"}}).encode()

    assert put(olga, body).status == 200


@pytest.mark.parametrize("name", ["nobodys", "%00", "%ff", "x" * 800, "a/b"])
def test_nobodys_lifetime_usage_is_not_found(name: str, olga: Person) -> None:
    read = olga.get(PATH.format(name))
    said = put(olga, given_body(1), name)

    for answer in (read, said):
        assert (answer.status, answer.body["code"]) == (404, "subscription_not_found")


def test_anothers_lifetime_usage_cannot_be_said(olga: Person, mallory: Person) -> None:
    mine = put(mallory, given_body(9))

    assert mine.status == 200
    assert olga.get(PATH.format("ada-1")).body["lifetime_usage"][GIVEN] == 0
