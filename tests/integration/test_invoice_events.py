"""What an app is told of an invoice is what it gets when it asks for it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from lago_python_client.models.credit_note import CreditNoteResponse
from lago_python_client.models.invoice import InvoiceResponse

from ledger.invoice_reads import StoredInvoice, find_invoice
from ledger.odoo_events import take_event
from odoo_bridge.client import OdooClient, connect
from odoo_bridge.events import take_events
from odoo_bridge.pull import pull_catalog
from schemas.odoo_events import read_event
from tests.bridge_world import target_settings
from tests.contract.addon_world import World, make_world
from tests.contract.odoo_target import OdooTarget
from tests.contract.test_addon_events import MOVE, WEBHOOK, draft, pay, set_mode
from tests.event_world import outbox, take_all_pending
from tests.webhook_world import add_endpoint


@pytest.fixture
def client(standin: OdooTarget) -> Iterator[OdooClient]:
    """The bridge's client."""
    with connect(target_settings(standin)) as client:
        yield client


@pytest.fixture
def world(
    standin: OdooTarget,
    client: OdooClient,
    database_url: str,
    conn: psycopg.Connection,
) -> World:
    """A live service that the ledger knows, with an endpoint."""
    take_all_pending(standin)
    world = make_world(standin)
    set_mode(world, "live")
    pull_catalog(client, database_url, datetime.now(UTC))
    add_endpoint(conn, world.code, "http://127.0.0.1:9/all")
    return world


def stored_invoice(
    conn: psycopg.Connection, world: World, lago_id: str, move_type: str = "out_invoice"
) -> StoredInvoice | None:
    row = conn.execute("SELECT id FROM service WHERE code = %s", (world.code,))
    (service_id,) = row.fetchone() or (0,)
    found = find_invoice(conn, service_id, UUID(lago_id), move_type)
    conn.rollback()
    return found


def told(conn: psycopg.Connection) -> list[Any]:
    return [body["data"] for _, body in outbox(conn)]


def test_an_invoice_is_told_as_the_clients_model_reads_it(
    world: World, client: OdooClient, database_url: str, conn: psycopg.Connection
) -> None:
    world.odoo.ask(MOVE, "action_post", ids=[draft(world)])
    take_events(client, database_url, datetime.now(UTC))

    (data,) = told(conn)
    invoice: Any = InvoiceResponse.parse_obj(data["invoice"])
    (fee,) = invoice.fees.__root__
    taxes = sum(tax.amount_cents for tax in invoice.applied_taxes.__root__)
    assert invoice.fees_amount_cents == 10_000
    assert invoice.taxes_amount_cents == fee.taxes_amount_cents == taxes
    assert invoice.total_amount_cents == fee.total_amount_cents == 10_000 + taxes
    assert (fee.item.code, fee.item.name, fee.item.type) == (
        "cpu",
        "CPU seconds",
        "charge",
    )
    assert (fee.units, fee.amount_cents) == ("9.0", 10_000)
    assert (fee.external_subscription_id, fee.lago_invoice_id) == (
        "s1",
        invoice.lago_id,
    )
    assert invoice.customer.external_id == "c1"
    assert UUID(invoice.customer.lago_id)
    (subscription,) = invoice.subscriptions.__root__
    assert (subscription.external_id, subscription.plan_code) == ("s1", "basic")
    assert "row" not in data["invoice"]


def test_it_can_be_asked_for_by_its_id_at_once_and_after_the_pull(
    world: World, client: OdooClient, database_url: str, conn: psycopg.Connection
) -> None:
    world.odoo.ask(MOVE, "action_post", ids=[draft(world)])
    take_events(client, database_url, datetime.now(UTC))
    (data,) = told(conn)
    lago_id = data["invoice"]["lago_id"]

    at_once = stored_invoice(conn, world, lago_id)
    pull_catalog(client, database_url, datetime.now(UTC))
    pulled = stored_invoice(conn, world, lago_id)

    assert at_once is not None
    assert pulled is not None
    assert at_once.invoice.untaxed == pulled.invoice.untaxed == 100
    assert at_once.invoice.lines == pulled.invoice.lines


def test_a_late_event_does_not_undo_what_was_pulled(
    world: World, client: OdooClient, database_url: str, conn: psycopg.Connection
) -> None:
    move_id = draft(world)
    world.odoo.ask(MOVE, "action_post", ids=[move_id])
    pay(world.odoo, move_id)
    pull_catalog(client, database_url, datetime.now(UTC))
    take_events(client, database_url, datetime.now(UTC))

    created, paid = (data["invoice"] for data in told(conn))
    stored = stored_invoice(conn, world, paid["lago_id"])
    assert (created["payment_status"], paid["payment_status"]) == (
        "pending",
        "succeeded",
    )
    assert paid["fees"][0]["payment_status"] == "succeeded"
    assert stored is not None
    assert stored.invoice.payment_state == "paid"


def test_a_credit_note_is_told_as_the_clients_model_reads_it(
    world: World, client: OdooClient, database_url: str, conn: psycopg.Connection
) -> None:
    move_id = draft(world)
    world.odoo.ask(MOVE, "write", ids=[move_id], vals={"move_type": "out_refund"})
    world.odoo.ask(MOVE, "action_post", ids=[move_id])
    take_events(client, database_url, datetime.now(UTC))

    (data,) = told(conn)
    note: Any = CreditNoteResponse.parse_obj(data["credit_note"])
    assert note.sub_total_excluding_taxes_amount_cents == 10_000
    assert note.total_amount_cents == 10_000 + note.taxes_amount_cents
    assert note.balance_amount_cents == note.total_amount_cents
    assert [item.amount_cents for item in note.items.__root__] == [10_000]
    assert stored_invoice(conn, world, note.lago_id, "out_refund") is not None


def pending_row(world: World) -> dict[str, Any]:
    """The event of a posted invoice as Odoo gives it out."""
    world.odoo.ask(MOVE, "action_post", ids=[draft(world)])
    rows = world.odoo.ask(WEBHOOK, "fetch_events", after_id=0)
    (row,) = (row for row in rows if row["service"] == world.code)
    return dict(row)


def changed(row: dict[str, Any], change: Any) -> dict[str, Any]:
    payload = json.loads(row["payload"])
    change(payload["invoice"])
    return {**row, "payload": json.dumps(payload)}


@pytest.mark.parametrize(
    "change",
    [
        lambda invoice: invoice.pop("row"),
        lambda invoice: invoice.update(row="text"),
        lambda invoice: invoice["row"].update(total="much"),
        lambda invoice: invoice["row"].pop("lines") and invoice["row"].pop("state"),
    ],
)
def test_a_row_that_is_missing_or_of_no_sense_leaves_the_event_as_it_is(
    change: Any, world: World, conn: psycopg.Connection
) -> None:
    event = read_event(changed(pending_row(world), change))

    assert take_event(conn, event, datetime.now(UTC))
    conn.commit()

    assert told(conn) == [event.data]


def test_a_share_of_an_invoice_is_told_and_not_kept(
    world: World, conn: psycopg.Connection
) -> None:
    row = changed(
        pending_row(world), lambda invoice: invoice["row"].update(service=False)
    )
    event = read_event(row)

    take_event(conn, event, datetime.now(UTC))
    conn.commit()

    (data,) = told(conn)
    assert len(data["invoice"]["fees"]) == 1
    assert stored_invoice(conn, world, data["invoice"]["lago_id"]) is None


def test_an_id_that_another_invoice_has_sinks_no_event(
    world: World, client: OdooClient, database_url: str, conn: psycopg.Connection
) -> None:
    row = pending_row(world)
    pull_catalog(client, database_url, datetime.now(UTC))
    other = changed(row, lambda invoice: invoice["row"].update(id=2**31 - 1))
    event = replace(read_event(other), key="another")

    assert take_event(conn, event, datetime.now(UTC))
    conn.commit()
    assert len(told(conn)) == 1
