"""export_catalog of invoices: what was billed, as exact text."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.contract.addon_world import SERVICE, World, apply, make_world, upsert
from tests.contract.odoo_target import OdooTarget
from tests.contract.test_addon_close import MOVE, close, frozen, set_mode


@pytest.fixture
def world(addon: OdooTarget) -> World:
    """A service of the test's own, which is live."""
    world = make_world(addon)
    set_mode(world, "live")
    return world


def exported(world: World, **chosen: Any) -> list[dict[str, Any]]:
    """The service's invoices, of those chosen."""
    after_id = 0
    found: list[dict[str, Any]] = []
    while True:
        page = world.odoo.ask(
            SERVICE, "export_catalog", kind="invoice", after_id=after_id, **chosen
        )
        if not page["rows"]:
            return found
        found += [row for row in page["rows"] if row["service"] == world.code]
        after_id = page["last_id"]


def test_a_closed_period_is_exported_with_its_lines(world: World) -> None:
    upsert(world.odoo, frozen(world, "12.345"))
    move_id = close(world)["id"]

    (row,) = exported(world)
    (line,) = row.pop("lines")
    assert row.pop("write_date")
    total, tax, residual = row.pop("total"), row.pop("tax"), row.pop("residual")
    assert UUID(row.pop("public_id"))
    assert row.pop("created_at")
    assert row.pop("timezone")
    assert row.pop("revision").startswith(row["period_start"][:2])
    taxes = row.pop("taxes")
    assert sum(Decimal(entry["amount"]) for entry in taxes) == Decimal(tax)
    token = row.pop("access_token")
    assert token is False or len(token) > 20
    assert Decimal(row.pop("settled")) == 0
    assert row == {
        "id": move_id,
        "service": world.code,
        "customers": ["c1"],
        "number": False,
        "state": "draft",
        "payment_state": "not_paid",
        "move_type": "out_invoice",
        "invoice_date": False,
        "due_date": row["due_date"],
        "period_start": "2026-02-01 05:00:00",
        "period_end": "2026-03-01 05:00:00",
        "currency": "CAD",
        "untaxed": "12.35",
        "posted_before": False,
        "reversed_id": False,
        "reversed_number": False,
    }
    assert all(isinstance(text, str) for text in (total, tax, residual))
    assert line.pop("description").startswith("CPU seconds, s1: 2026-02-01")
    assert line.pop("id")
    assert Decimal(line.pop("tax")) == Decimal(tax)
    assert Decimal(line.pop("tax_rate")) >= 0
    assert Decimal(line.pop("units")) == Decimal(frozen(world, "12.345")["quantity"])
    del line["product_code"], line["product"]
    assert line == {
        "quantity": line["quantity"],
        "amount": "12.35",
        "subscription": "s1",
        "metric": "cpu",
        "period_start": "2026-02-01 05:00:00",
        "period_end": "2026-03-01 05:00:00",
        "correction_of": False,
    }
    assert line["quantity"].rstrip("0").rstrip(".") == "1"


def test_invoices_are_chosen_by_id_and_by_what_changed(world: World) -> None:
    upsert(world.odoo, frozen(world, "5"))
    move_id = close(world)["id"]
    (row,) = exported(world)

    assert exported(world, record_ids=[move_id]) == [row]
    assert exported(world, since=row["write_date"]) == [row]
    assert exported(world, since="2199-01-01 00:00:00") == []


def test_a_deleted_draft_is_not_exported(world: World) -> None:
    upsert(world.odoo, frozen(world, "5"))
    move_id = close(world)["id"]
    world.odoo.ask(MOVE, "unlink", ids=[move_id])

    assert exported(world, record_ids=[move_id]) == []


def test_an_invoice_is_of_the_customers_whose_subscriptions_are_on_it(
    world: World,
) -> None:
    # Another customer that is the same client, with and without usage.
    apply(world.odoo, "customer", world.customer(external_id="c0"))
    apply(world.odoo, "customer", world.customer(external_id="c2"))
    theirs = world.subscription(external_id="s2", customer="c0")
    apply(world.odoo, "subscription", theirs)
    upsert(world.odoo, frozen(world, "5"), frozen(world, "6", subscription="s2"))
    close(world)

    (row,) = exported(world)
    assert row["customers"] == ["c0", "c1"]
    assert [line["subscription"] for line in row["lines"]] == ["s1", "s2"]
