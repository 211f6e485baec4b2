"""close_period: one draft invoice per service, client and period, however often."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contract.addon_world import (
    USAGE,
    World,
    apply,
    make_world,
    statuses,
    upsert,
)
from tests.contract.odoo_target import OdooTarget

MOVE = "account.move"
JANUARY = "2026-01-01 05:00:00"


@pytest.fixture
def world(addon: OdooTarget) -> World:
    """A service of the test's own, which is live."""
    world = make_world(addon)
    set_mode(world, "live")
    return world


def set_mode(world: World, mode: str) -> None:
    """Take the service out of shadow, or back."""
    row = {"code": world.code, "name": "A service", "mode": mode}
    assert statuses(apply(world.odoo, "service", row)) == ["updated"]


def frozen(world: World, amount: str, **more: Any) -> dict[str, Any]:
    """A frozen row of February that costs something."""
    row = {"quantity": "37000", "included": "36000", "overage": "1000.50"}
    return world.rollup(**{**row, "amount": amount, "state": "frozen", **more})


def close(world: World, **more: Any) -> dict[str, Any]:
    """close_period of the customer's February; the row's result."""
    row = {"service": world.code, "customer": "c1"}
    row |= {"period_start": "2026-02-01 05:00:00", "period_end": "2026-03-01 05:00:00"}
    (result,) = world.odoo.ask(USAGE, "close_period", rows=[{**row, **more}])
    assert set(result) == {"index", "status", "id", "reason"}
    return dict(result)


def lines(world: World, move_id: int) -> list[dict[str, Any]]:
    """The invoice's lines of usage, in order."""
    rows = world.odoo.ask(
        "account.move.line",
        "search_read",
        domain=[["move_id", "=", move_id], ["x_fc_usage_id", "!=", False]],
        fields=["name", "quantity", "price_unit"],
        order="id",
    )
    return list(rows)


def move(world: World, move_id: int, *names: str) -> dict[str, Any]:
    """Some values of the invoice."""
    (row,) = world.odoo.ask(MOVE, "read", ids=[move_id], fields=list(names))
    return {name: row[name] for name in names}


def test_a_client_gets_one_draft_of_all_its_subscriptions(world: World) -> None:
    apply(world.odoo, "subscription", world.subscription(external_id="s2"))
    upsert(world.odoo, frozen(world, "0.01"), frozen(world, "3.2", subscription="s2"))

    result = close(world)

    assert (result["status"], result["reason"]) == ("created", False)
    found = move(world, result["id"], "state", "move_type", "amount_untaxed")
    assert found == {
        "state": "draft",
        "move_type": "out_invoice",
        "amount_untaxed": 3.21,
    }
    prices = [
        (line["quantity"], line["price_unit"]) for line in lines(world, result["id"])
    ]
    assert prices == [(1.0, 0.01), (1.0, 3.2)]


def test_closing_again_finds_the_invoice(world: World) -> None:
    upsert(world.odoo, frozen(world, "5.00"))
    first = close(world)

    assert close(world) == {**first, "status": "unchanged"}


def test_closing_by_eight_at_once_makes_one_invoice(world: World) -> None:
    upsert(world.odoo, frozen(world, "5.00"))

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: close(world), range(8)))

    assert sorted(r["status"] for r in results) == ["created"] + ["unchanged"] * 7
    assert len({r["id"] for r in results}) == 1
    assert len(lines(world, results[0]["id"])) == 1


def test_a_line_says_how_its_amount_came_about(world: World) -> None:
    upsert(
        world.odoo,
        frozen(world, "0.015"),
        frozen(world, "-0.005", correction_of=JANUARY, overage="-0.10"),
    )

    own, late = lines(world, close(world)["id"])

    assert own["name"] == (
        "CPU seconds, s1: 2026-02-01 to 2026-02-28\n"
        "37000 s used, 36000 s included, 1000.5 s over = 0.02 CAD"
    )
    assert late["name"] == (
        "Correction of the period from 2026-01-01, billed late: "
        "CPU seconds, s1: 2026-02-01 to 2026-02-28\n"
        "37000 s used, 36000 s included, -0.1 s over = -0.01 CAD"
    )
    assert (own["price_unit"], late["price_unit"]) == (0.02, -0.01)


def test_the_working_that_came_with_a_row_is_in_its_line(world: World) -> None:
    working = "used 37000\n1 block of 3600 x 0.0075 = 0.0075\nrounded to 0.01 CAD"
    upsert(world.odoo, frozen(world, "0.01", working=working))

    (line,) = lines(world, close(world)["id"])

    head = "CPU seconds, s1: 2026-02-01 to 2026-02-28\n"
    assert line["name"] == head + working


def test_a_row_that_names_subscriptions_bills_no_others(world: World) -> None:
    apply(world.odoo, "subscription", world.subscription(external_id="s2"))
    apply(world.odoo, "subscription", world.subscription(external_id="s3"))
    upsert(world.odoo, frozen(world, "1.00"), frozen(world, "2.00", subscription="s2"))
    upsert(world.odoo, world.rollup(subscription="s3", amount="7"))  # open

    first = close(world, subscriptions=["s2"])
    both = close(world, subscriptions=["s1", "s2"])

    assert (first["status"], both) == ("created", {**first, "status": "updated"})
    assert [line["price_unit"] for line in lines(world, first["id"])] == [2.0, 1.0]


def test_what_a_former_clients_invoice_bills_is_billed(world: World) -> None:
    upsert(world.odoo, frozen(world, "5.00"))
    first = close(world, subscriptions=["s1"])
    apply(world.odoo, "customer", world.customer(external_id="c2", email=False))
    apply(world.odoo, "subscription", world.subscription(customer="c2"))

    again = close(world, customer="c2", subscriptions=["s1"])

    assert again == {**first, "status": "unchanged"}


def test_a_row_that_names_plans_names_one_for_each_subscription(world: World) -> None:
    upsert(world.odoo, frozen(world, "1.00"))

    wrong = close(world, subscriptions=["s1"], plans=["basic", "basic"])
    right = close(world, subscriptions=["s1"], plans=["gone"])

    assert wrong["reason"] == "plans: must be one for each of subscriptions"
    assert right["status"] == "created"


def test_a_subscription_of_another_client_is_refused(world: World) -> None:
    apply(world.odoo, "customer", world.customer(external_id="c2", email=False))
    moved = world.subscription(external_id="s2", customer="c2")
    apply(world.odoo, "subscription", moved)
    upsert(world.odoo, frozen(world, "1.00"), frozen(world, "2.00", subscription="s2"))

    result = close(world, subscriptions=["s1", "s2", "s9"])

    assert result["reason"] == "subscriptions: s2, s9: not of this client"


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ({"rollups": 2}, "rollups: the period has 2 rows, Odoo 1"),
        ({"amount": "5.01"}, "amount: the period comes to 5.01, Odoo's rows to 5.00"),
        ({"amount": "5,01"}, "amount: '5,01' is not a decimal string"),
        ({"subscriptions": "s1"}, "subscriptions: must be a list"),
        ({"subscriptions": [1]}, "subscriptions: must be a string"),
    ],
    ids=str,
)
def test_rows_that_odoo_lacks_or_has_otherwise_make_no_invoice(
    world: World, call: dict[str, Any], reason: str
) -> None:
    upsert(world.odoo, frozen(world, "5.00"))

    result = close(world, **call)

    assert (result["status"], result["reason"]) == ("error", reason)
    assert close(world, rollups=1, amount="5.000")["status"] == "created"
    assert close(world, rollups=1, amount="5")["status"] == "unchanged"


def test_an_amount_that_an_invoice_does_not_hold_is_refused(world: World) -> None:
    upsert(world.odoo, frozen(world, "999999999999.99"))
    held = close(world)
    upsert(world.odoo, frozen(world, "1000000000000.01", correction_of=JANUARY))

    result = close(world)

    assert held["status"] == "created"
    assert lines(world, held["id"])[0]["price_unit"] == 999999999999.99
    assert result["status"] == "error"
    assert result["reason"].startswith("amount: 1000000000000.01 of ")
    assert result["reason"].endswith("which an invoice cannot hold exactly")


def test_a_total_below_zero_is_a_credit_note(world: World) -> None:
    upsert(world.odoo, frozen(world, "-1.25", correction_of=JANUARY))

    found = move(world, close(world)["id"], "move_type", "amount_untaxed")

    assert found == {"move_type": "out_refund", "amount_untaxed": 1.25}


def test_rows_that_came_since_go_on_the_draft(world: World) -> None:
    upsert(world.odoo, frozen(world, "5.00"))
    first = close(world)
    upsert(world.odoo, frozen(world, "1.00", correction_of=JANUARY))

    assert close(world) == {**first, "status": "updated"}
    assert move(world, first["id"], "amount_untaxed") == {"amount_untaxed": 6.0}
    assert close(world) == {**first, "status": "unchanged"}


def test_in_shadow_nothing_is_made(world: World) -> None:
    set_mode(world, "shadow")
    upsert(world.odoo, frozen(world, "5.00"))
    moves = [["x_fc_service_id.code", "=", world.code]]

    result = close(world)

    assert (result["status"], result["id"]) == ("shadow", False)
    assert world.odoo.ask(MOVE, "search_count", domain=moves) == 0


def test_nothing_to_pay_makes_no_invoice(world: World) -> None:
    upsert(world.odoo, frozen(world, "0.004"), world.rollup(correction_of=JANUARY))

    result = close(world)

    assert (result["status"], result["id"]) == ("empty", False)


@pytest.mark.parametrize(
    ("usage", "call", "reason"),
    [
        ({"state": "open"}, {}, "is not frozen yet"),
        ({"currency": "JPY"}, {}, "is in JPY, its order in CAD"),
        ({"currency": False}, {}, "is in none, its order in CAD"),
        ({}, {"service": "nobody"}, "service: unknown service 'nobody'"),
        ({}, {"customer": "nobody"}, "customer: unknown customer 'nobody'"),
        ({}, {"customer": ""}, "customer: missing"),
        ({}, {"period_start": "soon"}, "period_start: 'soon' is not YYYY-MM-DD"),
    ],
    ids=str,
)
def test_what_cannot_be_billed_says_why(
    world: World, usage: dict[str, Any], call: dict[str, Any], reason: str
) -> None:
    upsert(world.odoo, frozen(world, "5.00", **usage))

    result = close(world, **call)

    assert (result["status"], result["id"]) == ("error", False)
    assert reason in result["reason"]


def test_a_bad_row_does_not_sink_the_others(world: World) -> None:
    upsert(world.odoo, frozen(world, "5.00"))
    row = {"service": world.code, "customer": "c1", "period_end": "2026-03-01 05:00:00"}
    good = {**row, "period_start": "2026-02-01 05:00:00"}

    results = world.odoo.ask(USAGE, "close_period", rows=["not a row", row, good])

    assert statuses(results) == ["error", "error", "created"]
    assert [result["index"] for result in results] == [0, 1, 2]


def test_xmlrpc_takes_and_answers_the_same(world: World) -> None:
    upsert(world.odoo, frozen(world, "5.00"))
    first = close(world)
    row = {"service": world.code, "customer": "c1"}
    row |= {"period_start": "2026-02-01 05:00:00", "period_end": "2026-03-01 05:00:00"}

    results = world.odoo.execute(USAGE, "close_period", [row])

    assert results == [{**first, "status": "unchanged"}]
