"""Lifecycle events: told with the change, fetched by state, marked by their key."""

from typing import Any

import pytest

from schemas.odoo_events import EventRow, read_event
from tests.contract.addon_world import USAGE, World, apply, make_world, statuses, upsert
from tests.contract.odoo_target import OdooTarget

WEBHOOK = "fusion.billing.webhook"
MOVE = "account.move"


@pytest.fixture
def world(addon: OdooTarget) -> World:
    """A live service of the test's own."""
    world = make_world(addon)
    set_mode(world, "live")
    return world


def set_mode(world: World, mode: str) -> None:
    """Take the service out of shadow, or back."""
    row = {"code": world.code, "name": "A service", "mode": mode}
    assert statuses(apply(world.odoo, "service", row)) == ["updated"]


def draft(world: World) -> int:
    """A draft invoice of 100.00 and its taxes, if any."""
    row = {"quantity": "9", "included": "1", "overage": "8", "amount": "100.00"}
    upsert(world.odoo, world.rollup(**row, state="frozen"))
    wanted = {"service": world.code, "customer": "c1"}
    wanted |= {"period_start": "2026-02-01 05:00:00"}
    wanted |= {"period_end": "2026-03-01 05:00:00"}
    (result,) = world.odoo.ask(USAGE, "close_period", rows=[wanted])
    assert result["status"] == "created", result
    return int(result["id"])


def pay(odoo: OdooTarget, move_id: int) -> None:
    """Pay an invoice: through the wizard of a real Odoo."""
    wizard = "account.payment.register"
    context = {"active_model": MOVE, "active_ids": [move_id]}
    made = odoo.json2(wizard, "create", vals_list=[{}], context=context)
    if made.status_code == 404:  # the stand-in
        odoo.ask(MOVE, "write", ids=[move_id], vals={"payment_state": "paid"})
        return
    assert made.status_code == 200, made.text
    odoo.ask(wizard, "action_create_payments", ids=made.json(), context=context)


def pending(world: World) -> list[EventRow]:
    """The service's pending events, checked, by pages."""
    found: list[EventRow] = []
    after_id = 0
    while page := world.odoo.ask(WEBHOOK, "fetch_events", after_id=after_id, limit=3):
        assert len(page) <= 3
        ids = [row["id"] for row in page]
        assert ids == sorted(ids)
        assert ids[0] > after_id
        after_id = ids[-1]
        found += [read_event(row) for row in page if row["service"] == world.code]
    return found


def mark(odoo: OdooTarget, *rows: Any) -> list[dict[str, Any]]:
    """mark_events of these rows; one result per row, in order."""
    results = odoo.ask(WEBHOOK, "mark_events", rows=list(rows))
    assert [result["index"] for result in results] == list(range(len(rows)))
    assert all(set(r) == {"index", "status", "id", "reason"} for r in results)
    return list(results)


def make_events(world: World, *keys: str) -> None:
    """Events of that name, each with the service's code before it."""
    ids = world.odoo.ask(
        "fusion.billing.service", "search", domain=[["code", "=", world.code]]
    )
    rows = [
        {
            "service_id": ids[0],
            "key": f"{world.code}.{key}",
            "event": "customer.updated",
            "payload": {
                "customer": {
                    "external_id": "c1",
                    "customer_type": "company",
                    "updated_at": "2026-03-01T05:00:00Z",
                }
            },
        }
        for key in keys
    ]
    world.odoo.ask(WEBHOOK, "create", vals_list=rows)


def test_a_draft_tells_nothing(world: World) -> None:
    draft(world)

    assert pending(world) == []


def test_a_posted_invoice_is_told(world: World) -> None:
    world.odoo.ask(MOVE, "action_post", ids=[draft(world)])

    (event,) = pending(world)
    told = event.data["invoice"]
    assert event.type == "invoice.created"
    assert told["payment_status"] == "pending"
    assert told["sub_total_excluding_taxes_amount"] == "100.00"
    assert told["sub_total_excluding_taxes_amount_cents"] == 10_000
    assert told["total_due_amount"] == told["total_amount"]
    assert told["currency"] == "CAD"
    assert told["customer"]["external_id"] == "c1"
    assert told["subscriptions"] == [
        {"external_id": "s1", "external_customer_id": "c1", "plan_code": "basic"}
    ]
    assert told["period_start"] == "2026-02-01T05:00:00Z"


def test_a_bill_is_told_with_its_row_as_it_is_exported(world: World) -> None:
    move_id = draft(world)
    world.odoo.ask(MOVE, "action_post", ids=[move_id])

    (event,) = pending(world)
    page = world.odoo.ask(
        "fusion.billing.service",
        "export_catalog",
        kind="invoice",
        record_ids=[move_id],
    )
    (exported,) = page["rows"]
    told = dict(event.row or {})
    del exported["access_token"]
    for row in (told, exported):  # numbered, dated and written by what follows
        for name in ("write_date", "revision", "number", "invoice_date", "due_date"):
            del row[name]
    assert told == exported
    assert told["public_id"] == event.data["invoice"]["lago_id"]


def test_a_paid_invoice_is_told_after_its_posting(world: World) -> None:
    move_id = draft(world)
    world.odoo.ask(MOVE, "action_post", ids=[move_id])
    pay(world.odoo, move_id)

    created, paid = pending(world)
    assert paid.type == "invoice.payment_status_updated"
    assert paid.data["invoice"]["payment_status"] == "succeeded"
    assert paid.data["invoice"]["total_due_amount_cents"] == 0
    assert paid.data["invoice"]["lago_id"] == created.data["invoice"]["lago_id"]


def test_a_cancelled_invoice_is_voided_if_it_was_posted(world: World) -> None:
    move_id = draft(world)
    world.odoo.ask(MOVE, "button_cancel", ids=[move_id])
    assert pending(world) == []
    move_id = draft(world)
    world.odoo.ask(MOVE, "action_post", ids=[move_id])
    world.odoo.ask(MOVE, "button_cancel", ids=[move_id])

    assert [event.type for event in pending(world)] == [
        "invoice.created",
        "invoice.voided",
    ]


def test_a_service_in_shadow_hears_nothing(world: World) -> None:
    move_id = draft(world)
    world.odoo.ask(MOVE, "action_post", ids=[move_id])
    set_mode(world, "shadow")
    pay(world.odoo, move_id)
    silent = pending(world)
    set_mode(world, "live")

    assert silent == []
    assert [event.type for event in pending(world)] == ["invoice.created"]


def test_what_is_marked_is_fetched_no_more(world: World) -> None:
    make_events(world, "a", "b", "c", "d")
    a, b, _, _ = (event.key for event in pending(world))
    taken = {"key": a, "state": "taken", "reason": False}
    failed = {"key": b, "state": "failed", "reason": "odd"}

    assert statuses(mark(world.odoo, taken, failed)) == ["updated", "updated"]
    assert statuses(mark(world.odoo, taken, {**failed, "state": "taken"})) == [
        "unchanged",
        "unchanged",
    ]
    assert [event.key for event in pending(world)] == [
        f"{world.code}.c",
        f"{world.code}.d",
    ]


def test_a_bad_mark_sinks_no_other(world: World) -> None:
    make_events(world, "a")
    key = f"{world.code}.a"

    results = mark(
        world.odoo,
        {"key": "nobody's", "state": "taken"},
        {"key": key, "state": "gone"},
        7,
        {"state": "taken"},
        {"key": key, "state": "taken"},
    )

    assert statuses(results) == ["error"] * 4 + ["updated"]
    assert [result["reason"] for result in results[:4]] == [
        'key: unknown key "nobody\'s"',
        "state: 'gone' is not one of taken, failed",
        "must be an object, not int",
        "key: missing",
    ]


def test_both_methods_answer_over_xml_rpc(world: World) -> None:
    make_events(world, "a")
    rows = world.odoo.execute(WEBHOOK, "fetch_events", 0, 500)
    own = [row for row in rows if row["service"] == world.code]
    marks = [{"key": row["key"], "state": "taken", "reason": False} for row in own]

    assert [read_event(row).key for row in own] == [f"{world.code}.a"]
    (result,) = world.odoo.execute(WEBHOOK, "mark_events", marks)
    assert (result["status"], result["reason"]) == ("updated", False)


def test_a_key_is_told_once(world: World) -> None:
    make_events(world, "a")
    with pytest.raises(AssertionError, match="An event is told once"):
        make_events(world, "a")
