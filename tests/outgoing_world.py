"""What an app saves in a ledger beside a bridge, and what Odoo then has of it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ledger.db import connect as connect_ledger
from ledger.local_changes import save_customer, save_subscription
from odoo_bridge.client import OdooClient
from odoo_bridge.outgoing import LEASE, send_changes
from odoo_bridge.outgoing import SendReport as SendReport
from odoo_bridge.pull_pages import MODEL
from tests.bridge_world import Bridge
from tests.ledger_world import STARTED

STATE = (
    "SELECT kind, unsent, attempts, error, look_again IS NULL FROM local_change "
    "ORDER BY kind, record_id"
)


def now() -> datetime:
    """The clock that the bridge is given."""
    return datetime.now(UTC)


def later() -> datetime:
    """When every lease, and first wait, of now has run out."""
    return datetime.now(UTC) + LEASE + timedelta(seconds=1)


def save_client(
    bridge: Bridge, external_id: str = "app-1", /, **values: str | None
) -> None:
    """Save a customer, with an address that no other test's has."""
    values.setdefault("email", f"{external_id}@{bridge.world.code}.test")
    key = bridge.world.service_id
    with connect_ledger(bridge.database_url) as conn:
        save_customer(conn, key, external_id, values, datetime.now(UTC))


def change_client(bridge: Bridge, external_id: str, /, **values: str | None) -> None:
    """Change just these fields of a customer."""
    key = bridge.world.service_id
    with connect_ledger(bridge.database_url) as conn:
        save_customer(conn, key, external_id, values, datetime.now(UTC))


def subscribe(bridge: Bridge, name: str, customer: str = "app-1", **more: Any) -> None:
    """Save a new subscription."""
    terms = {"customer": customer, "plan": "plan", "started_at": STARTED}
    change_subscription(bridge, name, **{**terms, **more})


def change_subscription(bridge: Bridge, name: str, **values: Any) -> None:
    """Change just these fields of a subscription."""
    key = bridge.world.service_id
    with connect_ledger(bridge.database_url) as conn:
        save_subscription(conn, key, name, values, datetime.now(UTC))


def send(bridge: Bridge, client: OdooClient | None = None) -> SendReport:
    """Send what is due by now."""
    return send_changes(client or bridge.client, bridge.database_url, now)


def exported(bridge: Bridge, kind: str) -> dict[str, Mapping[str, Any]]:
    """The service's rows of a kind in Odoo, by external id."""
    rows: list[Mapping[str, Any]] = []
    after_id = 0
    while True:
        page = bridge.client.repeat(
            MODEL, "export_catalog", kind=kind, after_id=after_id, limit=500
        )
        if not page["rows"]:
            break
        rows += page["rows"]
        after_id = page["last_id"]
    own = [row for row in rows if row["service"] == bridge.world.code]
    found = {row["external_id"]: row for row in own}
    assert len(found) == len(own)
    return found


def order_fields(bridge: Bridge, name: str, *fields: str) -> dict[str, Any]:
    """Fields of a subscription's order."""
    domain = [["x_fc_service_id.code", "=", bridge.world.code]]
    (row,) = bridge.odoo.ask(
        "sale.order",
        "search_read",
        domain=[*domain, ["x_fc_external_id", "=", name]],
        fields=list(fields),
        load=None,
    )
    return dict(row)


def by_hand(bridge: Bridge, name: str, **vals: Any) -> None:
    """A person in Odoo changes a subscription's order."""
    key = order_fields(bridge, name, "id")["id"]
    bridge.odoo.ask("sale.order", "write", ids=[key], vals=vals)


def client_by_hand(bridge: Bridge, external_id: str, /, **vals: Any) -> None:
    """A person in Odoo changes a customer's client."""
    domain = [["service_id.code", "=", bridge.world.code]]
    (link,) = bridge.odoo.ask(
        "fusion.billing.account.link",
        "search_read",
        domain=[*domain, ["external_id", "=", external_id]],
        fields=["partner_id"],
        load=None,
    )
    bridge.odoo.ask("res.partner", "write", ids=[link["partner_id"]], vals=vals)


def in_ledger(bridge: Bridge, table: str, columns: str, name: str) -> Any:
    """Columns of a customer or subscription in the ledger."""
    query = "SELECT {} FROM {} WHERE external_id = %s AND service_id = %s"
    with connect_ledger(bridge.database_url) as conn:
        key = (name, bridge.world.service_id)
        return conn.execute(query.format(columns, table), key).fetchone()


def waiting(bridge: Bridge) -> list[Any]:
    """Of each local change: kind, unsent, attempts, error, whether read back."""
    with connect_ledger(bridge.database_url) as conn:
        return conn.execute(STATE).fetchall()
