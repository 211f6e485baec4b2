"""Lago's client reads a period's usage: as it is, filtered, and projected."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Event as Signal
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from lago_python_client.exceptions import LagoApiError
from lago_python_client.models.event import Event

from ledger.db import Connection
from tests.api_world import TODAY, Person, counter, work_off
from tests.lago_world import lago_client
from tests.ledger_world import World, freeze

PROJECTED = "/customers/{}/projected_usage"


@pytest.fixture
def client(url: str, olga: Person) -> Any:
    return lago_client(url, olga.key)


@pytest.fixture
def used(olga: Person, database_url: str, broker_url: str) -> None:
    """Ada has used 12 units of the sum and 3 of the max."""
    olga.push(
        counter("t-1", value=5),
        counter("t-2", value=7),
        counter("t-3", code="max", value=3),
    )
    outcomes = work_off(database_url, broker_url, olga.service_id)
    assert outcomes == {"applied": 3}


def charges_of(usage: Any) -> dict[str, Any]:
    return {each.billable_metric.code: each for each in usage.charges_usage}


@pytest.mark.usefixtures("used")
def test_projected_usage_reads_as_lagos(client: Any) -> None:
    now = client.customers.current_usage("ada", "ada-1")
    usage = client.customers.projected_usage("ada", "ada-1")

    for name in ("from_datetime", "to_datetime", "issuing_date", "currency"):
        assert getattr(usage, name) == getattr(now, name)
    assert usage.amount_cents == now.amount_cents
    assert usage.taxes_amount_cents == 0
    charges = charges_of(usage)
    assert sorted(charges) == ["count", "last", "max", "sum", "unique"]
    assert charges["max"].projected_units == charges["max"].units == "3.0"
    assert charges["max"].projected_amount_cents == 75


@pytest.mark.usefixtures("used")
def test_a_sum_is_projected_by_the_days_of_the_period(client: Any) -> None:
    usage = client.customers.projected_usage("ada", "ada-1")

    sum_usage = charges_of(usage)["sum"]
    first, last, today = (
        datetime.fromisoformat(text).astimezone(ZoneInfo("America/Toronto")).date()
        for text in (usage.from_datetime, usage.to_datetime, TODAY)
    )
    exact = Decimal(12) * ((last - first).days + 1) / ((today - first).days + 1)
    assert sum_usage.units == "12.0"
    assert Decimal(sum_usage.projected_units) == round(exact, 6)


@pytest.mark.usefixtures("used")
@pytest.mark.parametrize("name", ["charge_code", "billable_metric_code"])
def test_current_usage_is_filtered_by_a_charge(client: Any, name: str) -> None:
    usage = client.customers.current_usage("ada", "ada-1", **{name: "max"})

    assert list(charges_of(usage)) == ["max"]
    assert usage.amount_cents == 75


@pytest.mark.usefixtures("used")
def test_current_usage_is_filtered_by_a_charges_id(client: Any, olga: Person) -> None:
    whole = charges_of(client.customers.current_usage("ada", "ada-1"))
    wanted = whole["max"].charge.lago_id

    usage = client.customers.current_usage("ada", "ada-1", charge_id=wanted)
    older = olga.get(
        "/customers/ada/current_usage",
        external_subscription_id="ada-1",
        filter_by_charge_id=wanted.upper(),
    )

    assert list(charges_of(usage)) == ["max"]
    assert older.body["customer_usage"]["amount_cents"] == 75


@pytest.mark.parametrize("apply_taxes", ["true", "false"])
def test_taxes_are_odoos_and_nothing_here(client: Any, apply_taxes: str) -> None:
    usage = client.customers.current_usage("ada", "ada-1", apply_taxes=apply_taxes)

    assert usage.taxes_amount_cents == 0
    assert usage.total_amount_cents == usage.amount_cents


@pytest.mark.parametrize(
    "asked",
    [
        {"full_usage": True},
        {"filter_by_presentation": "region"},
    ],
    ids=str,
)
def test_what_is_not_answered_is_refused_with_a_sentence(
    client: Any, asked: dict[str, Any]
) -> None:
    with pytest.raises(LagoApiError) as raised:
        client.customers.current_usage("ada", "ada-1", **asked)

    assert raised.value.status_code == 422
    (name,) = asked
    assert raised.value.response["error_details"] == {name: ["value_is_invalid"]}
    assert len(raised.value.response["message"]) > 20


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"charge_code": "nothing"}, "charge_not_found"),
        ({"charge_id": "0e2d4b4b-5b4c-4b8d-9b0a-000000000000"}, "charge_not_found"),
        ({"charge_id": "no uuid"}, "charge_not_found"),
        ({"charge_code": "\0"}, "charge_not_found"),
        ({"billable_metric_code": "nothing"}, "billable_metric_not_found"),
        ({"billable_metric_code": "x" * 999}, "billable_metric_not_found"),
    ],
)
def test_a_charge_that_is_none_is_not_found(
    asked: dict[str, str], code: str, olga: Person
) -> None:
    answer = olga.get(
        "/customers/ada/current_usage", external_subscription_id="ada-1", **asked
    )

    assert (answer.status, answer.body["code"]) == (404, code)


def test_a_charge_that_cannot_be_rated_is_named(olga: Person, conn: Connection) -> None:
    conn.execute(
        "UPDATE charge SET model = 'volume', tiers = '[]' FROM metric m"
        " WHERE m.id = metric_id AND m.code = 'max' AND m.service_id = %s",
        (olga.service_id,),
    )
    conn.commit()

    for kind in ("current_usage", "projected_usage"):
        answer = olga.get(f"/customers/ada/{kind}", external_subscription_id="ada-1")

        assert (answer.status, answer.body["code"]) == (422, "charge_unratable")
        assert "charge for max" in answer.body["message"]


def test_anothers_projected_usage_is_as_if_it_did_not_exist(
    olga: Person, mallory: Person, conn: Connection
) -> None:
    conn.execute(
        "UPDATE customer SET external_id = 'olgas' WHERE service_id = %s",
        (olga.service_id,),
    )
    conn.commit()
    asked = {"external_subscription_id": "ada-1"}

    theirs = mallory.get(PROJECTED.format("olgas"), **asked)
    nobodys = mallory.get(PROJECTED.format("nobody"), **asked)

    assert olga.get(PROJECTED.format("olgas"), **asked).status == 200
    assert theirs.status == 404
    assert theirs.body == nobodys.body


CHARGE_BY_PARTS = """
    UPDATE charge SET model = 'standard', price = 1, included = 0, package_size = NULL,
                      group_keys = '{user}', display_name = 'Traffic',
           filters = '[{"id": "5f3a4bb2-31a9-4f0c-a6a1-0a27e8a8f6aa", "name": "Home",
                        "values": {"region": ["ca"]}, "price": "2",
                        "group_keys": ["user"]}]'
      FROM plan p, metric m
     WHERE p.id = plan_id AND m.id = metric_id AND m.code = 'sum'
       AND p.service_id = %(id)s
"""


@pytest.fixture
def parted(
    client: Any, olga: Person, conn: Connection, database_url: str, broker_url: str
) -> None:
    """Ann used 3 at home and 4 away, Bob 5 at home, and nobody 1 in between."""
    conn.execute(CHARGE_BY_PARTS, {"id": olga.service_id})
    conn.execute(
        "UPDATE metric SET field_name = 'size' WHERE code = 'sum' AND service_id = %s",
        (olga.service_id,),
    )
    conn.commit()
    for number, (size, more) in enumerate(
        [
            (3, {"user": "ann", "region": "ca"}),
            (4, {"user": "ann", "region": "us"}),
            (5, {"user": "bob", "region": "ca"}),
            (1, {}),
        ]
    ):
        client.events.create(
            Event(
                transaction_id=f"p-{number}",
                external_subscription_id="ada-1",
                code="sum",
                timestamp=None,
                precise_total_amount_cents=None,
                properties={"size": size, **more},
            )
        )
    outcomes = work_off(database_url, broker_url, olga.service_id)
    assert outcomes == {"applied": 4}


def parts_of(usage: Any) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """Units and cents by the filter's region and by the group's user."""
    charge = charges_of(usage)["sum"]
    filters = {
        (each.values or {}).get("region", [None])[0]: (each.units, each.amount_cents)
        for each in charge.filters
    }
    groups = {
        each.grouped_by["user"]: (each.units, each.amount_cents)
        for each in charge.grouped_usage
    }
    return filters, groups


FILTERS = {"ca": ("8.0", 1600), None: ("5.0", 500)}
GROUPS = {"ann": ("7.0", 1000), "bob": ("5.0", 1000), None: ("1.0", 100)}


@pytest.mark.usefixtures("parted")
def test_usage_is_shown_by_filter_and_by_group(client: Any) -> None:
    usage = client.customers.current_usage("ada", "ada-1")

    charge = charges_of(usage)["sum"]
    assert parts_of(usage) == (FILTERS, GROUPS)
    assert (charge.units, charge.amount_cents, charge.events_count) == ("13.0", 2100, 4)
    assert charge.charge.invoice_display_name == "Traffic"
    assert usage.amount_cents == 2100


@pytest.mark.usefixtures("parted")
def test_usage_of_one_group_is_its_fees_alone(client: Any, olga: Person) -> None:
    usage = client.customers.current_usage("ada", "ada-1", group={"user": "ann"})
    older = olga.get(
        "/customers/ada/current_usage",
        external_subscription_id="ada-1",
        filter_by_group='{"user": "ann"}',
    )

    (charge,) = usage.charges_usage
    assert (charge.units, charge.amount_cents, charge.events_count) == ("7.0", 1000, 2)
    assert usage.amount_cents == 1000
    assert parts_of(usage)[1] == {"ann": GROUPS["ann"]}
    assert older.body["customer_usage"]["amount_cents"] == 1000


@pytest.mark.parametrize(
    "asked",
    [
        {"filter_by_group": "[1]"},
        {"filter_by_group": "{"},
        {"filter_by_group": '{"a": 1}'},
        {"filter_by_group": '{"a": {"b": {}}}'},
        {"filter_by_group": "[" * 5000},
        {"group": "x"},
    ],
    ids=lambda asked: str(asked)[:30],
)
def test_a_group_that_is_none_is_refused(asked: dict[str, str], olga: Person) -> None:
    query = {"external_subscription_id": "ada-1", **asked}

    assert olga.get("/customers/ada/current_usage", **query).status == 422


@pytest.mark.usefixtures("parted")
def test_a_group_that_nobody_is_in_has_used_nothing(olga: Person) -> None:
    for name, value in (("group[user]", "x"), ("group[\0]", "\0"), ("group[y]", "")):
        query = {"external_subscription_id": "ada-1", name: value}

        answer = olga.get("/customers/ada/current_usage", **query)

        assert answer.status == 200
        assert answer.body["customer_usage"]["charges_usage"] == []


@pytest.mark.usefixtures("parted")
def test_projected_usage_has_the_same_parts_and_none_smaller(client: Any) -> None:
    usage = client.customers.projected_usage("ada", "ada-1")

    assert parts_of(usage) == (FILTERS, GROUPS)
    charge = charges_of(usage)["sum"]
    for each in (*charge.filters, *charge.grouped_usage):
        assert each.projected_amount_cents >= each.amount_cents
        assert Decimal(each.projected_units) >= Decimal(each.units)
    its = sum(each.projected_amount_cents for each in charge.filters)
    assert charge.projected_amount_cents == its


@pytest.mark.usefixtures("parted")
def test_a_charge_and_its_parts_are_of_one_instant(
    client: Any, olga: Person, database_url: str, broker_url: str
) -> None:
    over = Signal()

    def fold_on() -> None:
        number = 0
        while not over.is_set():
            number += 1
            olga.push(counter(f"busy-{number}", value=1, properties={"user": "eve"}))
            work_off(database_url, broker_url, olga.service_id)

    folding = Thread(target=fold_on)
    folding.start()
    try:
        seen = [
            charges_of(client.customers.current_usage("ada", "ada-1"))["sum"]
            for _ in range(40)
        ]
    finally:
        over.set()
        folding.join()

    assert len({charge.events_count for charge in seen}) > 1
    for charge in seen:
        assert sum(each.events_count for each in charge.filters) == charge.events_count


def test_past_usage_has_the_parts_as_they_were_billed(
    client: Any, olga: Person, conn: Connection, parted: None
) -> None:
    conn.execute(
        "UPDATE plan SET grace_hours = 0 WHERE service_id = %s", (olga.service_id,)
    )
    conn.commit()
    world = World(olga.service, olga.service_id, ("ada-1",))
    freeze(conn, world, datetime.now(UTC) + timedelta(days=32))

    periods = client.customers.past_usage("ada", "ada-1")["usage_periods"]

    billed = [period for period in periods if period.amount_cents]
    assert [parts_of(period) for period in billed] == [(FILTERS, GROUPS)]


def test_projected_usage_asks_for_a_subscription(olga: Person) -> None:
    answer = olga.get(PROJECTED.format("ada"))

    assert answer.status == 422
    assert "external_subscription_id" in answer.body["error_details"]


def test_projected_usage_of_nobody_is_not_found(olga: Person) -> None:
    nobody = olga.get(PROJECTED.format("x"), external_subscription_id="ada-1")
    nothing = olga.get(PROJECTED.format("ada"), external_subscription_id="x")

    assert (nobody.status, nobody.body["code"]) == (404, "customer_not_found")
    assert (nothing.status, nothing.body["code"]) == (404, "subscription_not_found")
