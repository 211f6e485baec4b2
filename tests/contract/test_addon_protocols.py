"""Every method that the bridge calls does the same over JSON-2 and XML-RPC."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from odoo_bridge.called import CALLED, USAGE
from odoo_bridge.client import OdooClient, connect
from odoo_bridge.errors import OdooInvalidError
from tests.bridge_world import PROTOCOLS, target_settings
from tests.contract.addon_world import SERVICE, World, make_world
from tests.contract.odoo_target import OdooTarget

PERIOD = {"period_start": "2026-02-01 05:00:00", "period_end": "2026-03-01 05:00:00"}


@pytest.fixture(params=PROTOCOLS)
def client(request: pytest.FixtureRequest, addon: OdooTarget) -> Iterator[OdooClient]:
    """The bridge's client over one protocol."""
    with connect(target_settings(addon, request.param)) as client:
        yield client


@pytest.fixture
def world(addon: OdooTarget) -> World:
    """A service of the test's own."""
    return make_world(addon)


def apply(client: OdooClient, kind: str, row: dict[str, Any]) -> dict[str, Any]:
    """The result of one row."""
    (result,) = client.call(SERVICE, "apply_catalog", kind=kind, rows=[row])
    assert isinstance(result, dict)
    return result


def upsert(client: OdooClient, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    """The results of these rows."""
    results = client.call(USAGE, "upsert_rollups", rows=list(rows))
    assert isinstance(results, list)
    return results


def exported(client: OdooClient, kind: str, world: World) -> list[dict[str, Any]]:
    """The service's rows of a kind."""
    rows: list[dict[str, Any]] = []
    after_id = 0
    while True:
        page = client.call(
            SERVICE, "export_catalog", kind=kind, after_id=after_id, limit=1000
        )
        if not page["rows"]:
            return [row for row in rows if row["service"] == world.code]
        rows += page["rows"]
        after_id = page["last_id"]


def test_the_catalog_goes_there_and_comes_back(
    client: OdooClient, world: World
) -> None:
    price = Decimal("0.0000000075")
    charge = world.charge(price=price, included=Decimal("1E+3"), minimum=None)
    plan = world.plan(charges=[charge], price=Decimal("12.50"))

    assert apply(client, "plan", plan)["status"] == "updated"
    assert apply(client, "plan", plan)["status"] == "unchanged"
    (found,) = exported(client, "plan", world)
    assert (found["price"], found["charges"][0]["price"]) == ("12.50", "0.0000000075")
    assert found["charges"][0]["included"] == "1000"


@pytest.mark.parametrize("name", ["Zoé 😀 & <b>", "two\nlines", "two\r\nlines", " x "])
def test_a_text_arrives_as_it_went(client: OdooClient, world: World, name: str) -> None:
    apply(client, "metric", world.metric(name=name))

    metrics = world.odoo.ask(
        "fusion.billing.metric",
        "search_read",
        domain=[["service_id.code", "=", world.code]],
        fields=["name"],
    )
    assert [row["name"] for row in metrics] == [name]


def test_what_is_none_is_not_given(client: OdooClient, world: World) -> None:
    row = world.subscription(ended_at=None)

    assert apply(client, "subscription", row)["status"] == "unchanged"
    (result,) = upsert(client, world.rollup(included=None, correction_of=None))
    assert (result["status"], result["reason"]) == ("created", False)


def test_a_quantity_keeps_every_digit(client: OdooClient, world: World) -> None:
    quantity = Decimal("123456789012345678.0000000000000000001")

    upsert(client, world.rollup(quantity=quantity))

    assert [row["quantity"] for row in world.usage("quantity")] == [str(quantity)]


def test_a_revision_is_a_number_of_32_bits(client: OdooClient, world: World) -> None:
    largest = 2**31 - 1

    good, *bad = upsert(
        client,
        world.rollup(revision=largest),
        *(world.rollup(revision=each) for each in (largest + 1, 2**63 - 1, -1)),
    )
    assert good["status"] == "created"
    assert [result["status"] for result in bad] == ["error"] * 3
    assert all(result["reason"].startswith("revision: ") for result in bad)
    assert [row["revision"] for row in world.usage("revision")] == [largest]
    (stale,) = upsert(client, world.rollup(revision=1))
    assert (stale["status"], stale["revision"]) == ("stale", largest)


def test_a_number_longer_than_64_bits_is_one_rows_error(
    client: OdooClient, world: World
) -> None:
    try:
        (result,) = upsert(client, world.rollup(revision=2**64))
    except OdooInvalidError as error:
        assert "64 bits" in str(error)
    else:
        assert result["reason"].startswith("revision: ")


def test_an_answer_past_32_bits_comes_over_json2_alone(client: OdooClient) -> None:
    page = {"kind": "plan", "after_id": 2**31, "limit": 9}
    try:
        answer = client.call(SERVICE, "export_catalog", **page)
    except OdooInvalidError as error:
        assert "ODOO_PROTOCOL" in str(error)
    else:
        assert answer == {"rows": [], "last_id": 2**31}


def test_a_period_is_closed(client: OdooClient, world: World) -> None:
    upsert(client, world.rollup(state="frozen", amount=Decimal("1.25")))
    row = {"service": world.code, "customer": "c1", **PERIOD}

    (result,) = client.call(USAGE, "close_period", rows=[row, row])[:1]
    assert (result["status"], result["id"]) == ("shadow", False)


def test_an_empty_call_is_answered(client: OdooClient) -> None:
    assert upsert(client) == []
    assert client.call(USAGE, "close_period", rows=[]) == []


def test_all_of_them_are_there(client: OdooClient) -> None:
    answer = client.call(SERVICE, "bridge_check", methods=CALLED)

    assert answer["missing_methods"] == []
