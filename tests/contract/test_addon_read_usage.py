"""export_usage and find_usage: what upsert_rollups stored, read back."""

from typing import Any

import pytest

from tests.contract.addon_world import USAGE, World, apply, make_world, upsert
from tests.contract.odoo_target import OdooTarget

JANUARY = "2026-01-01 05:00:00"
BESIDE = {"id", "write_date", "billed", "invoice"}


@pytest.fixture
def world(addon: OdooTarget) -> World:
    """A service of the test's own."""
    return make_world(addon)


def export(world: World, limit: int = 2) -> list[dict[str, Any]]:
    """Every row of the test's service, page by page."""
    rows: list[dict[str, Any]] = []
    after_id = 0
    while True:
        page = world.odoo.ask(
            USAGE, "export_usage", after_id=after_id, limit=limit, service=world.code
        )
        assert set(page) == {"rows", "last_id"}
        assert len(page["rows"]) <= limit
        if not page["rows"]:
            assert page["last_id"] == after_id
            return rows
        rows += page["rows"]
        after_id = page["last_id"]
        assert after_id == rows[-1]["id"]


def find(world: World, *keys: Any) -> list[dict[str, Any]]:
    rows = world.odoo.ask(USAGE, "find_usage", keys=list(keys))
    return list(rows)


def key(world: World, **more: Any) -> dict[str, Any]:
    names = ("service", "subscription", "metric", "period_start")
    row = world.rollup()
    return {**{name: row[name] for name in names}, "correction_of": False, **more}


def test_rows_come_back_to_the_last_digit_with_all_that_was_given(world: World) -> None:
    own = world.rollup(
        quantity="123456789012345678901234567890.12345678901234567890",
        included="36000",
        overage="0.10",
        amount="-0.00750000000000000000",
        revision=2**31 - 1,
        state="frozen",
        working="= -0.01 CAD",
        correction_of=False,
    )
    late = world.rollup(correction_of=JANUARY, working=False)
    upsert(world.odoo, own, late)

    found = export(world)

    kept = [{n: v for n, v in row.items() if n not in BESIDE} for row in found]
    assert sorted(kept, key=lambda row: str(row["correction_of"])) == [late, own]
    assert {(row["billed"], row["invoice"]) for row in found} == {(False, False)}
    assert all(set(row) == {*own, *BESIDE} for row in found)


def test_pages_go_by_rising_id(world: World) -> None:
    late = [world.rollup(correction_of=f"2025-0{n}-01 05:00:00") for n in range(1, 6)]
    upsert(world.odoo, world.rollup(), *late)

    ids = [row["id"] for row in export(world)]

    assert len(ids) == 6
    assert ids == sorted(set(ids))
    assert [row["id"] for row in export(world, limit=1000)] == ids


def test_without_a_service_all_are_read(world: World) -> None:
    upsert(world.odoo, world.rollup())
    (row,) = export(world)

    page = world.odoo.ask(USAGE, "export_usage", after_id=row["id"] - 1, limit=1)

    assert page == {"rows": [row], "last_id": row["id"]}


def test_rows_are_found_by_their_keys_and_the_others_left_out(world: World) -> None:
    upsert(world.odoo, world.rollup(), world.rollup(correction_of=JANUARY))

    found = find(
        world,
        key(world, correction_of=JANUARY),
        key(world, subscription="none"),
        key(world, metric="none"),
        key(world, service="none"),
        key(world, period_start="2020-01-01 00:00:00"),
    )

    assert [row["correction_of"] for row in found] == [JANUARY]
    assert found == [row for row in export(world) if row["correction_of"] == JANUARY]
    assert find(world) == []


def test_a_change_by_hand_is_read_as_it_is_now(world: World) -> None:
    upsert(world.odoo, world.rollup())
    (row,) = export(world)

    world.odoo.ask(USAGE, "write", ids=[row["id"]], vals={"quantity": "9.990"})
    assert [r["quantity"] for r in find(world, key(world))] == ["9.990"]

    world.odoo.ask(USAGE, "unlink", ids=[row["id"]])
    assert find(world, key(world)) == []


@pytest.mark.parametrize(
    "bad", [{"period_start": "soon"}, {"service": False}, {"correction_of": True}]
)
def test_a_key_that_is_none_is_refused(world: World, bad: dict[str, Any]) -> None:
    status, name, _ = world.odoo.refusal(
        USAGE, "find_usage", keys=[key(world), key(world, **bad)]
    )

    assert (status, name) == (422, "odoo.exceptions.ValidationError")


def test_more_than_a_thousand_keys_are_refused(world: World) -> None:
    status, _, message = world.odoo.refusal(
        USAGE, "find_usage", keys=[key(world)] * 1001
    )

    assert status == 422
    assert "1000" in message


def test_xmlrpc_answers_the_same(world: World) -> None:
    upsert(world.odoo, world.rollup())

    page = world.odoo.execute(USAGE, "export_usage", 0, 1000, world.code)

    assert page["rows"] == export(world)
    assert world.odoo.execute(USAGE, "find_usage", [key(world)]) == export(world)


def test_what_an_invoice_bills_is_told_with_the_row(world: World) -> None:
    live = {"code": world.code, "name": "A service", "mode": "live"}
    apply(world.odoo, "service", live)
    row = world.rollup(
        quantity="37000", included="36000", overage="1000", amount="5.00"
    )
    row |= {"currency": billed_currency(world), "state": "frozen"}
    upsert(world.odoo, row)
    close = {"service": world.code, "customer": "c1"}
    close |= {name: row[name] for name in ("period_start", "period_end")}
    (closed,) = world.odoo.ask(USAGE, "close_period", rows=[close])
    assert closed["status"] == "created", closed

    (found,) = export(world)

    assert float(found["billed"]) == 5.0
    assert found["invoice"] == f"draft {closed['id']}"
    (line,) = world.odoo.ask(
        "account.move.line",
        "search_read",
        domain=[["x_fc_usage_id", "=", found["id"]]],
        fields=["price_unit"],
    )
    world.odoo.ask(
        "account.move.line", "write", ids=[line["id"]], vals={"price_unit": 7.25}
    )
    assert [float(r["billed"]) for r in find(world, key(world))] == [7.25]


def billed_currency(world: World) -> str:
    """The currency of the order, in which its usage has to be."""
    fields = world.odoo.ask("sale.order", "fields_get", allfields=["currency_id"])
    if not fields:
        return "CAD"
    (order,) = world.odoo.ask(
        "sale.order",
        "search_read",
        domain=[["x_fc_service_id.code", "=", world.code]],
        fields=["currency_id"],
    )
    return str(order["currency_id"][1])
