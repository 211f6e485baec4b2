"""An estimate is what the same event then costs, and leaves nothing behind."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lago_python_client.exceptions import LagoApiError

from ingest_api.batch_ids import new_batch_id
from ledger.batches import apply_batch, take_batch
from ledger.db import Connection, connect
from ledger.place import EPOCH, MICROSECOND
from schemas.messages import BatchMessage, Counter
from tests.api_world import Person, counter, work_off
from tests.lago_world import lago_client, models
from tests.waiting import wait_until

CODES = ("sum", "max", "last", "unique", "count")
FIELDS = """
    UPDATE metric SET field_name = 'value' WHERE service_id = %s AND code <> 'count'
"""
TABLES = """
    SELECT format('SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) '
                  'FROM %I t', tablename)
      FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename
"""


@pytest.fixture
def client(url: str, olga: Person, conn: Connection) -> Any:
    """Olga's client; her metrics find their values in the property "value"."""
    conn.execute(FIELDS, [olga.service_id])
    conn.commit()
    return lago_client(url, olga.key)


def event(code: str = "sum", **more: Any) -> Any:
    named = {"transaction_id": "x", "external_subscription_id": "ada-1", "code": code}
    return models.event.Event(**{**named, "properties": {"value": "2.5"}, **more})


def state(conn: Connection) -> list[Any]:
    """How many rows each table has, and a hash of all of them."""
    conn.rollback()
    statements = conn.execute(TABLES).fetchall()
    return [conn.execute(statement).fetchone() for (statement,) in statements]


def used(olga: Person) -> dict[str, tuple[int, Decimal]]:
    """By metric, the cents and units of the open period."""
    answer = olga.get("/customers/ada/current_usage", external_subscription_id="ada-1")
    return {
        line["billable_metric"]["code"]: (line["amount_cents"], Decimal(line["units"]))
        for line in answer.body["customer_usage"]["charges_usage"]
    }


def fee_of(client: Any, asked: Any) -> Any:
    (fee,) = client.events.estimate_fees(asked)["fees"]
    return fee


def refusal(client: Any, asked: Any) -> tuple[int, Any]:
    with pytest.raises(LagoApiError) as raised:
        client.events.estimate_fees(asked)
    return raised.value.status_code, raised.value.response


@pytest.mark.parametrize("code", CODES)
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    values=st.lists(
        st.sampled_from(["1", "2.5", "4000", "-3", "7200.25"]), min_size=1, max_size=4
    )
)
def test_an_estimate_is_what_the_event_then_costs(
    code: str,
    values: list[str],
    client: Any,
    olga: Person,
    conn: Connection,
    database_url: str,
    broker_url: str,
) -> None:
    for value in values:
        name = str(uuid4())
        properties = {"value": value}
        before, kept = used(olga), state(conn)

        fee = fee_of(client, event(code, properties=properties))

        assert state(conn) == kept
        assert used(olga) == before
        now = datetime.now(UTC).isoformat()
        item = counter(
            name, code=code, timestamp=now, value=None, properties=properties
        )
        assert olga.push(item).status == 202
        work_off(database_url, broker_url, olga.service_id)
        after = used(olga)
        assert fee.amount_cents == after[code][0] - before[code][0]
        assert Decimal(fee.units) == after[code][1] - before[code][1]


def test_a_fee_reads_as_lagos(client: Any) -> None:
    fee = fee_of(client, event("max"))

    assert (fee.amount_cents, fee.amount_currency) == (63, "CAD")
    assert (fee.units, fee.events_count) == ("2.5", 1)
    assert fee.external_subscription_id == "ada-1"
    assert fee.external_customer_id == "ada"
    assert (fee.item.type, fee.item.code, fee.item.name) == ("charge", "max", "The max")
    assert fee.lago_id is None


def test_a_metric_that_the_plan_does_not_charge_costs_nothing(
    client: Any, olga: Person, conn: Connection
) -> None:
    conn.execute(
        "INSERT INTO metric (service_id, code, name, aggregation) "
        "VALUES (%s, 'free', 'Free', 'count')",
        [olga.service_id],
    )
    conn.commit()

    assert client.events.estimate_fees(event("free")) == {"fees": []}


def test_an_unknown_metric_is_not_found(client: Any, conn: Connection) -> None:
    kept = state(conn)

    status, body = refusal(client, event("nothing"))

    assert (status, body["code"]) == (404, "billable_metric_not_found")
    assert state(conn) == kept


def test_an_unknown_subscription_is_not_found(client: Any) -> None:
    status, body = refusal(client, event(external_subscription_id="nobody"))

    assert (status, body["code"]) == (404, "subscription_not_found")


@pytest.mark.parametrize("times", ["started_at = now() + '1 day'", "ended_at = now()"])
def test_a_subscription_that_is_not_active_is_not_found(
    times: str, client: Any, olga: Person, conn: Connection
) -> None:
    conn.execute(
        f"UPDATE subscription SET {times} WHERE service_id = %s",  # noqa: S608
        [olga.service_id],
    )
    conn.commit()

    status, body = refusal(client, event())

    assert (status, body["code"]) == (404, "subscription_not_found")


def test_an_event_without_its_value_is_refused(client: Any, conn: Connection) -> None:
    kept = state(conn)

    status, body = refusal(client, event(properties={"other": 1}))

    assert status == 422
    assert body["error_details"] == {"properties": ["property_missing"]}
    assert state(conn) == kept


def test_another_services_subscription_is_as_if_it_did_not_exist(
    client: Any, url: str, mallory: Person, conn: Connection
) -> None:
    conn.execute(FIELDS, [mallory.service_id])
    conn.execute(
        "UPDATE subscription SET external_id = 'hers' WHERE service_id = %s",
        [mallory.service_id],
    )
    conn.commit()

    theirs = refusal(client, event(external_subscription_id="hers"))
    nobodys = refusal(client, event(external_subscription_id="nobodys"))

    assert theirs == nobodys
    hers = lago_client(url, mallory.key)
    assert fee_of(hers, event(external_subscription_id="hers")).events_count == 1


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("code", None, "value_is_mandatory"),
        ("code", "a\0", "value_is_invalid"),
        ("external_subscription_id", "", "value_is_mandatory"),
        ("properties", [1], "value_is_invalid"),
        ("properties", {"value": {"deep": 1}}, "value_is_invalid"),
        ("properties", {"x" * 300: 1}, "value_is_invalid"),
        ("properties", {str(n): 1 for n in range(60)}, "value_is_invalid"),
        ("properties", {"value": "1e9"}, "value_is_invalid"),
    ],
)
def test_an_event_that_cannot_be_is_refused_by_field(
    field: str, value: Any, code: str, client: Any, olga: Person
) -> None:
    asked = {"external_subscription_id": "ada-1", "code": "sum", field: value}

    answer = olga.client.post(
        "/api/v1/events/estimate_fees",
        json={"event": asked},
        headers={"Authorization": f"Bearer {olga.key}"},
    )

    assert answer.status_code == 422
    assert answer.get_json()["error_details"] == {field: [code]}


def test_an_estimate_needs_a_key(olga: Person) -> None:
    answer = olga.client.post("/api/v1/events/estimate_fees", json={"event": {}})

    assert answer.status_code == 401


def test_usage_that_comes_beside_an_estimate_is_not_in_it(
    client: Any, olga: Person, conn: Connection, database_url: str
) -> None:
    instant = datetime.now(UTC)
    at = (instant - EPOCH) // MICROSECOND
    properties = '{"value":"1000"}'
    other = Counter(0, "beside", "ada-1", "max", at, None, None, properties)
    batch = BatchMessage(new_batch_id(at), olga.service_id, at, 1, (other,), ())
    with ThreadPoolExecutor() as threads, connect(database_url) as fold:
        take_batch(fold, batch)
        apply_batch(fold, batch, instant)
        asked = threads.submit(fee_of, client, event("max"))
        wait_until(lambda: somebody_waits(conn), "the estimate is at the rollup")
        fold.commit()

        assert asked.result().amount_cents == 0  # 2.5 is below the most, by then


def somebody_waits(conn: Connection) -> bool:
    conn.rollback()
    found = conn.execute(
        "SELECT FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return found.fetchone() is not None
