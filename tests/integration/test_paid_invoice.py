"""From Odoo's own buttons to the body that an app's endpoint will get."""

from datetime import UTC, datetime

import psycopg

from odoo_bridge.client import connect
from odoo_bridge.events import take_events
from odoo_bridge.pull import pull_catalog
from tests.bridge_world import target_settings
from tests.contract.addon_world import make_world
from tests.contract.odoo_target import OdooTarget
from tests.contract.test_addon_events import MOVE, draft, pay, set_mode
from tests.event_world import outbox, take_all_pending
from tests.webhook_world import add_endpoint


def test_a_posted_and_paid_invoice_reaches_the_outbox(
    standin: OdooTarget, database_url: str, conn: psycopg.Connection
) -> None:
    take_all_pending(standin)
    world = make_world(standin)
    set_mode(world, "live")
    with connect(target_settings(standin)) as client:
        pull_catalog(client, database_url, datetime.now(UTC))
        add_endpoint(conn, world.code, "http://127.0.0.1:9/in", "invoice.created")
        add_endpoint(conn, world.code, "http://127.0.0.1:9/all")
        move_id = draft(world)
        standin.ask(MOVE, "action_post", ids=[move_id])
        take_events(client, database_url, datetime.now(UTC))
        pay(standin, move_id)
        take_events(client, database_url, datetime.now(UTC))
        take_events(client, database_url, datetime.now(UTC))

    (_, created), (_, paid) = outbox(conn)
    deliveries = conn.execute("SELECT count(*) FROM webhook_delivery").fetchone()
    assert created["type"] == "invoice.created"
    assert created["data"]["invoice"]["payment_status"] == "pending"
    assert paid["type"] == "invoice.payment_status_updated"
    assert paid["data"]["invoice"]["payment_status"] == "succeeded"
    assert paid["data"]["invoice"]["total_due_amount"] == "0.00"
    assert deliveries == (3,)
