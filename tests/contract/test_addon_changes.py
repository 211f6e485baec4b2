"""read_horizon, and export_catalog of what changed: what a pull goes on from."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from tests.contract.addon_world import SERVICE, World, apply, make_world
from tests.contract.odoo_target import OdooTarget

CHARGE, LINK = "fusion.billing.charge", "fusion.billing.account.link"
PARTNER, ORDER = "res.partner", "sale.order"
FUTURE = "2199-01-01 00:00:00"


@pytest.fixture
def world(addon: OdooTarget) -> World:
    """A service of the test's own."""
    return make_world(addon)


def horizon(odoo: OdooTarget) -> datetime:
    """The horizon now."""
    told = odoo.ask(SERVICE, "read_horizon")["horizon"]
    return datetime.strptime(told, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


def changes(world: World, since: str) -> dict[str, int]:
    """How many rows of each kind of the service changed since then."""
    found: dict[str, int] = {}
    for kind in ("service", "metric", "plan", "customer", "subscription"):
        page = world.odoo.ask(
            SERVICE, "export_catalog", kind=kind, since=since, limit=1000
        )
        key = "code" if kind == "service" else "service"
        own = [row for row in page["rows"] if row[key] == world.code]
        if own:
            found[kind] = len(own)
    return found


def later(world: World) -> str:
    """An instant after all that was written so far, in Odoo's whole seconds.

    A job of a real Odoo's that runs beside the test may hold it back for a while.
    """
    written = datetime.now(UTC)
    for _ in range(10):
        time.sleep(1.1)
        told = horizon(world.odoo)
        if told >= written:
            break
    return f"{told:%Y-%m-%d %H:%M:%S}"


def find(world: World, model: str, *domain: list[Any]) -> int:
    """The service's one record."""
    field = "plan_id.service_id.code" if model == CHARGE else "service_id.code"
    field = "x_fc_service_id.code" if model == ORDER else field
    own = [[field, "=", world.code], *domain]
    (key,) = world.odoo.ask(model, "search", domain=own)
    return int(key)


@contextmanager
def open_transaction(odoo: OdooTarget) -> Iterator[psycopg.Connection]:
    """A transaction that is open in Odoo's database while the block runs."""
    if odoo.database_url is None:
        pytest.skip("the URL of this Odoo's database is not told")
    with psycopg.connect(odoo.database_url) as conn:
        conn.execute("SELECT 1")
        yield conn


def test_the_horizon_is_now_where_nothing_is_open(addon: OdooTarget) -> None:
    before = horizon(addon)
    time.sleep(1.1)

    assert horizon(addon) > before


def test_the_horizon_waits_for_an_open_transaction(addon: OdooTarget) -> None:
    with open_transaction(addon) as conn:
        row = conn.execute("SELECT date_trunc('second', now())").fetchone()
        time.sleep(1.1)

        assert row is not None
        assert horizon(addon) <= row[0]


def test_it_tells_which_database_it_is_of(addon: OdooTarget) -> None:
    told = addon.ask(SERVICE, "read_horizon")
    (parameter,) = addon.ask(
        "ir.config_parameter",
        "search_read",
        domain=[["key", "=", "database.uuid"]],
        fields=["value"],
    )

    assert set(told) == {
        "horizon",
        "database",
        "incarnation",
        "transaction",
        "companies",
    }
    assert told["database"] == parameter["value"]
    again = addon.ask(SERVICE, "read_horizon")
    for name in ("database", "incarnation", "companies"):
        assert again[name] == told[name] != ""
    # The database, the addon's tables, and the server's timeline.
    assert re.fullmatch(r"\d+\.\d+\.[0-9A-F]{8}", told["incarnation"])


def test_the_number_of_the_next_transaction_rises(world: World) -> None:
    before = int(world.odoo.ask(SERVICE, "read_horizon")["transaction"])
    apply(world.odoo, "metric", world.metric(name="CPU"))

    assert int(world.odoo.ask(SERVICE, "read_horizon")["transaction"]) > before


def test_what_was_written_since_is_answered_and_nothing_else(world: World) -> None:
    since = later(world)
    nothing = changes(world, since)
    apply(world.odoo, "customer", world.customer(name="Jane Doe"))

    assert nothing == {}
    assert changes(world, since) == {"customer": 1}
    assert changes(world, FUTURE) == {}


def test_ids_are_answered_whether_they_changed_or_not(world: World) -> None:
    order = find(world, ORDER)
    named = {"kind": "subscription", "record_ids": [order, 2**31 - 1]}
    alone = world.odoo.ask(SERVICE, "export_catalog", **named)
    beside = world.odoo.ask(SERVICE, "export_catalog", **named, since=FUTURE)

    assert [row["id"] for row in alone["rows"]] == [order]
    assert beside == alone


def test_ids_and_an_instant_of_another_type_are_refused(addon: OdooTarget) -> None:
    for bad in (
        {"since": "yesterday"},
        {"record_ids": ["1"]},
        {"record_ids": [2**40]},
        {"record_ids": 1},
    ):
        refusal = addon.refusal(SERVICE, "export_catalog", kind="plan", **bad)
        assert refusal[:2] == (422, "odoo.exceptions.ValidationError")


def test_a_charge_changes_its_plan_and_so_does_one_that_is_gone(world: World) -> None:
    charge = find(world, CHARGE)
    since = later(world)
    world.odoo.ask(CHARGE, "write", ids=[charge], vals={"price": "1.5"})
    after_write = changes(world, since)
    since = later(world)
    world.odoo.ask(CHARGE, "unlink", ids=[charge])

    assert after_write == {"plan": 1}
    assert changes(world, since).get("plan") == 1


def test_a_plan_that_loses_a_charge_to_another_one_has_changed(world: World) -> None:
    apply(world.odoo, "plan", world.plan(code="other", charges=[]))
    charge = find(world, CHARGE)
    other = find(world, "fusion.billing.plan", ["plan_code", "=", "other"])
    since = later(world)
    world.odoo.ask(CHARGE, "write", ids=[charge], vals={"plan_id": other})

    assert changes(world, since)["plan"] == 2


def test_a_client_changes_its_customers(world: World) -> None:
    link = find(world, LINK)
    (row,) = world.odoo.ask(LINK, "read", ids=[link], fields=["partner_id"], load=None)
    since = later(world)
    world.odoo.ask(PARTNER, "write", ids=[row["partner_id"]], vals={"name": "New"})

    assert changes(world, since) == {"customer": 1}


def test_a_link_that_is_gone_changes_an_order_that_it_made_ambiguous(
    world: World,
) -> None:
    vals = {"x_fc_account_link_id": False}
    world.odoo.ask(ORDER, "write", ids=[find(world, ORDER)], vals=vals)
    apply(world.odoo, "customer", world.customer(external_id="c0"))
    second = find(world, LINK, ["external_id", "=", "c0"])
    since = later(world)
    world.odoo.ask(LINK, "unlink", ids=[second])

    assert changes(world, since) == {"customer": 1, "subscription": 1}


def test_a_plan_a_link_and_a_metric_change_what_names_them(world: World) -> None:
    since = later(world)
    plan = find(world, "fusion.billing.plan")
    world.odoo.ask("fusion.billing.plan", "write", ids=[plan], vals={"name": "New"})
    by_plan = changes(world, since)
    since = later(world)
    link = find(world, LINK)
    world.odoo.ask(LINK, "write", ids=[link], vals={"external_id": "c9"})
    by_link = changes(world, since)
    since = later(world)
    metric = find(world, "fusion.billing.metric")
    world.odoo.ask("fusion.billing.metric", "write", ids=[metric], vals={"name": "N"})

    assert by_plan == {"plan": 1, "subscription": 1}
    assert by_link == {"customer": 1, "subscription": 1}
    assert changes(world, since) == {"metric": 1, "plan": 1}


def test_what_commits_late_is_on_a_page_after_its_horizon(world: World) -> None:
    order = find(world, ORDER)
    later(world)
    with open_transaction(world.odoo) as conn:
        conn.execute(
            "UPDATE sale_order SET x_fc_anchor = 'anniversary',"
            " write_date = now() AT TIME ZONE 'UTC' WHERE id = %s",
            [order],
        )
        time.sleep(2.1)
        early = horizon(world.odoo)

    assert changes(world, f"{early:%Y-%m-%d %H:%M:%S}") == {"subscription": 1}
