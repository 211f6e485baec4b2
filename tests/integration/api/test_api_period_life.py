"""What an app sees of a period's life: open, frozen, corrected, taken back.

Everything here happens in the period of 40 days ago, which has ended for at least 9.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ledger.db import Connection
from schemas.usage_answers import CustomerUsageAnswerSchema, PastUsageAnswerSchema
from tests.api_world import Answer, Person, counter, work_off
from tests.ledger_world import World, freeze

EARLIER = datetime.now(UTC).replace(microsecond=0) - timedelta(days=40)


@pytest.fixture
def olga(olga: Person, conn: Connection) -> Person:
    """Her subscription has been in the ledger since it began; no period has grace."""
    for statement in (
        "UPDATE subscription SET started_at = '2025-01-01', created_at = '2025-01-01'"
        " WHERE service_id = %s",
        "UPDATE plan SET grace_hours = 0 WHERE service_id = %s",
    ):
        conn.execute(statement, (olga.service_id,))
    conn.commit()
    return olga


class Books:
    """Olga's books, as her workers keep them."""

    def __init__(self, olga: Person, conn: Connection, urls: tuple[str, str]) -> None:
        self._olga, self._conn, self._urls = olga, conn, urls

    def push(self, transaction_id: str, value: Any, **fields: Any) -> dict[str, int]:
        """Push one counter of 40 days ago and fold it; the outcomes."""
        fields = {"timestamp": EARLIER.isoformat(), "value": value, **fields}
        assert self._olga.push(counter(transaction_id, **fields)).status == 202
        return dict(work_off(*self._urls, self._olga.service_id))

    def freeze(self) -> None:
        """Freeze all that has ended."""
        world = World(self._olga.service, self._olga.service_id, ("ada-1",))
        assert freeze(self._conn, world, datetime.now(UTC)) > 0

    def current(self) -> Any:
        """Current usage."""
        return usage_of(self._olga, "current_usage").body["customer_usage"]

    def past(self, **query: Any) -> Any:
        """Past usage."""
        return usage_of(self._olga, "past_usage", **query).body


@pytest.fixture
def books(olga: Person, conn: Connection, database_url: str, broker_url: str) -> Books:
    return Books(olga, conn, (database_url, broker_url))


def usage_of(person: Person, kind: str, **query: Any) -> Answer:
    answer = person.get(
        f"/customers/ada/{kind}", external_subscription_id="ada-1", **query
    )
    assert answer.status == 200, answer.text
    return answer


def line(usage: Any, code: str = "sum") -> Any:
    """One metric's line of a period."""
    (found,) = (
        c for c in usage["charges_usage"] if c["billable_metric"]["code"] == code
    )
    return found


def period_of_earlier(past: Any) -> Any:
    """The frozen period that holds the usage of these tests."""
    text = EARLIER.strftime("%Y-%m-%dT%H:%M:%SZ")
    (found,) = (
        p
        for p in past["usage_periods"]
        if p["from_datetime"] <= text <= p["to_datetime"]
    )
    return found


def test_the_story_of_a_period(olga: Person, books: Books) -> None:
    assert books.push("first", 3611) == {"applied": 1}
    assert books.past()["usage_periods"] == []
    books.freeze()
    billed = period_of_earlier(books.past())
    assert line(billed)["units"] == "3611.0"
    assert billed["amount_cents"] == line(billed)["amount_cents"] == 2

    assert books.push("late", 36000) == {"applied": 1}
    current = books.current()
    (correction,) = current["corrections"]
    assert correction["from_datetime"] == billed["from_datetime"]
    assert correction["to_datetime"] == billed["to_datetime"]
    assert correction["units"] == correction["overage_units"] == "36000.0"
    assert correction["included_units"] == "0.0"
    assert correction["events_count"] == 1
    assert correction["billable_metric"]["code"] == "sum"
    assert (correction["amount_cents"], correction["amount_currency"]) == (7, "CAD")
    assert current["amount_cents"] == current["total_amount_cents"] == 7
    assert CustomerUsageAnswerSchema().validate({"customer_usage": current}) == {}
    assert period_of_earlier(books.past()) == billed

    void = olga.void("first", reason="a slip").body["void"]
    assert void["is_correction"] is True
    assert void["period"]["from"] == billed["from_datetime"]
    assert void["period"]["to"] == billed["to_datetime"]
    assert void["billed_in"]["from"] == current["from_datetime"]
    (correction,) = books.current()["corrections"]
    assert correction["units"] == "32389.0"
    olga.void("late")
    (correction,) = books.current()["corrections"]
    assert (correction["units"], correction["amount_cents"]) == ("-3611.0", -2)
    assert correction["included_units"] == "-10.0"
    assert books.current()["amount_cents"] == -2

    assert books.push("first", 3611) == {"applied": 1}
    assert books.current()["amount_cents"] == 0
    assert period_of_earlier(books.past()) == billed


def test_past_usage_is_paged_with_the_newest_first(books: Books) -> None:
    books.freeze()

    everything = books.past()
    second = books.past(page=2, per_page=2)
    newest = books.past(periods_count=3, page=2, per_page=2)

    starts = [p["from_datetime"] for p in everything["usage_periods"]]
    assert starts == sorted(starts, reverse=True)
    assert everything["meta"]["total_count"] == len(starts) > 12
    assert [p["from_datetime"] for p in second["usage_periods"]] == starts[2:4]
    assert second["meta"]["prev_page"] == 1
    assert [p["from_datetime"] for p in newest["usage_periods"]] == starts[2:3]
    assert newest["meta"]["total_count"] == 3
    assert newest["meta"]["next_page"] is None
    assert PastUsageAnswerSchema().validate(everything) == {}


def test_past_usage_of_one_metric_has_its_lines_and_the_whole_amount(
    books: Books,
) -> None:
    books.push("a", 3611)
    books.push("b", 4, code="max")
    books.freeze()

    period = period_of_earlier(books.past(billable_metric_code="max"))

    (only,) = period["charges_usage"]
    assert (only["billable_metric"]["code"], only["amount_cents"]) == ("max", 100)
    assert only["charge"]["charge_model"] == "standard"
    assert period["amount_cents"] == 102


def test_a_price_that_came_later_changes_no_past_usage(
    books: Books, olga: Person, conn: Connection
) -> None:
    books.push("a", 4, code="max")
    books.freeze()
    billed = books.past()

    conn.execute(
        "UPDATE charge SET price = 99 WHERE plan_id ="
        " (SELECT id FROM plan WHERE service_id = %s)",
        (olga.service_id,),
    )
    conn.execute(
        "DELETE FROM charge USING metric m WHERE m.id = metric_id AND m.code = 'max'"
        " AND m.service_id = %s",
        (olga.service_id,),
    )
    conn.commit()

    assert books.past() == billed


def test_a_correction_stays_with_the_frozen_period_that_billed_it(
    books: Books, olga: Person, conn: Connection
) -> None:
    books.freeze()
    books.push("late", 36010)
    correction = books.current()["corrections"]
    world = World(olga.service, olga.service_id, ("ada-1",))
    freeze(conn, world, datetime.now(UTC) + timedelta(days=32))

    # Today's period; at a month's end the one after it is frozen as well.
    billed = [each for each in books.past()["usage_periods"] if each["corrections"]]

    assert [each["corrections"] for each in billed] == [correction]
    assert billed[0]["amount_cents"] == correction[0]["amount_cents"] == 8


@pytest.mark.parametrize(
    ("query", "status", "found"),
    [
        ({}, 422, "external_subscription_id"),
        ({"external_subscription_id": "ada-2"}, 404, "subscription_not_found"),
        ({"external_subscription_id": "\0"}, 404, "subscription_not_found"),
        ({"periods_count": "0"}, 422, "periods_count"),
        ({"periods_count": "x"}, 422, "periods_count"),
        ({"page": "0"}, 422, "page"),
        ({"per_page": "1001"}, 422, "per_page"),
        ({"billable_metric_code": "none"}, 404, "billable_metric_not_found"),
        ({"billable_metric_code": "\0"}, 404, "billable_metric_not_found"),
        ({"billable_metric_code": ""}, 200, "usage_periods"),
    ],
)
def test_past_usage_that_is_none_is_refused(
    olga: Person, query: dict[str, str], status: int, found: str
) -> None:
    if query:
        query = {"external_subscription_id": "ada-1", **query}

    answer = olga.get("/customers/ada/past_usage", **query)

    assert answer.status == status, answer.text
    body = answer.body
    assert found in {body.get("code"), *body.get("error_details", ()), *body}


def test_past_usage_of_an_unknown_customer_is_not_found(olga: Person) -> None:
    answer = olga.get("/customers/bob/past_usage", external_subscription_id="ada-1")

    assert (answer.status, answer.body["code"]) == (404, "customer_not_found")
