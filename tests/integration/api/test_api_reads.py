"""Receipts and current usage, as they are read."""

import uuid

import pytest

from schemas.usage_answers import CustomerUsageAnswerSchema
from tests.api_world import Person, counter, work_off


def test_items_are_paged_and_filtered(
    olga: Person, database_url: str, broker_url: str
) -> None:
    counters = [counter(f"t-{n}", value="x" if n % 4 == 0 else n) for n in range(10)]
    batch_id = olga.push(*counters).body["batch"]["id"]
    work_off(database_url, broker_url, olga.service_id)

    second = olga.get(f"/batches/{batch_id}", page=2, per_page=4).body
    rejected = olga.get(f"/batches/{batch_id}", outcome="rejected", per_page=2).body
    beyond = olga.get(f"/batches/{batch_id}", page=1_000_000).body

    assert [item["index"] for item in second["batch"]["items"]] == [4, 5, 6, 7]
    assert second["meta"] == {
        "current_page": 2,
        "next_page": 3,
        "prev_page": 1,
        "total_pages": 3,
        "total_count": 10,
    }
    assert [item["index"] for item in rejected["batch"]["items"]] == [0, 4]
    assert rejected["meta"]["total_count"] == 3
    assert beyond["batch"]["items"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"page": "0"},
        {"page": "-1"},
        {"page": "x"},
        {"page": "9" * 30},
        {"page": "9" * 5000},
        {"page": "1.5"},
        {"page": "٣"},
        {"page": "+3"},
        {"page": " 3"},
        {"page": "3\n"},
        {"page": "1_0"},
        {"per_page": "٣"},
        {"per_page": "1001"},
        {"per_page": "0"},
        {"per_page": ""},
        {"outcome": "lost"},
        {"outcome": "\0"},
    ],
)
def test_a_page_that_is_none_is_refused(olga: Person, query: dict[str, str]) -> None:
    batch_id = olga.push(counter("t")).body["batch"]["id"]

    answer = olga.get(f"/batches/{batch_id}", **query)

    assert answer.status == 422
    assert list(answer.body["error_details"]) == list(query)


@pytest.mark.parametrize(
    "batch_id", ["x", str(uuid.UUID(int=7)), "\0", "%00", "é", "0" * 5000, "a/b", "{}"]
)
def test_a_batch_that_is_none_is_not_found(olga: Person, batch_id: str) -> None:
    answer = olga.get(f"/batches/{batch_id}")

    assert answer.status == 404
    assert answer.body["error"] == "Not Found"


def test_current_usage_has_the_fields_that_lagos_clients_need(
    olga: Person, database_url: str, broker_url: str
) -> None:
    olga.push(
        counter("t-1", value=3611),
        counter("t-2", code="unique", value=None, values=["a", "b"]),
    )
    work_off(database_url, broker_url, olga.service_id)

    answer = olga.get("/customers/ada/current_usage", external_subscription_id="ada-1")

    usage = answer.body["customer_usage"]
    assert CustomerUsageAnswerSchema().validate(answer.body) == {}
    assert usage["from_datetime"].endswith("Z")
    assert usage["currency"] == "CAD"
    assert usage["amount_cents"] == usage["total_amount_cents"] == 2 + 50
    charges = {c["billable_metric"]["code"]: c for c in usage["charges_usage"]}
    assert charges["sum"]["units"] == "3611.0"
    assert charges["sum"]["amount_cents"] == 2
    assert charges["sum"]["charge"]["charge_model"] == "package"
    assert charges["unique"]["billable_metric"]["aggregation_type"] == (
        "unique_count_agg"
    )
    assert charges["unique"]["events_count"] == 1
    assert charges["max"]["units"] == "0.0"


@pytest.mark.parametrize(
    ("customer", "subscription", "code"),
    [
        ("bob", "ada-1", "customer_not_found"),
        ("ada", "ada-2", "subscription_not_found"),
        ("ada", "", "subscription_not_found"),
        ("ada", "\0", "subscription_not_found"),
        ("ada", "x" * 300, "subscription_not_found"),
        ("%00", "ada-1", "customer_not_found"),
        ("a%2Fb//c", "ada-1", "customer_not_found"),
        ("%2Fa", "ada-1", "customer_not_found"),
        ("%FF%FE", "ada-1", "customer_not_found"),
        ("é", "ada-1", "customer_not_found"),
    ],
)
def test_usage_of_nobody_is_not_found(
    olga: Person, customer: str, subscription: str, code: str
) -> None:
    answer = olga.get(
        f"/customers/{customer}/current_usage", external_subscription_id=subscription
    )

    assert answer.status == 404
    assert answer.body["code"] == code


def test_current_usage_asks_for_a_subscription(olga: Person) -> None:
    answer = olga.get("/customers/ada/current_usage")

    assert answer.status == 422
    assert list(answer.body["error_details"]) == ["external_subscription_id"]
