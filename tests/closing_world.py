"""A live service at the stand-in Odoo, and the invoices that its periods end as."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from ledger.db import connect as connect_ledger
from odoo_bridge.closing import CloseReport, close_periods
from odoo_bridge.pace import Pace
from odoo_bridge.push import push_rollups
from tests.bridge_world import Bridge
from tests.ledger_world import counter, freeze, make_message, push

SERVICE = "fusion.billing.service"
USAGE = "fusion.billing.usage"


def set_mode(bridge: Bridge, mode: str) -> None:
    """Of the service, in Odoo and, as a pull would, in the ledger."""
    row = {"code": bridge.world.code, "name": "Bridge", "mode": mode}
    bridge.odoo.ask(SERVICE, "apply_catalog", kind="service", rows=[row])
    write(bridge, "UPDATE service SET mode = %s WHERE code = %s", mode)


def write(bridge: Bridge, statement: str, *values: Any) -> None:
    """A statement on the ledger; the service's code is its last value."""
    with connect_ledger(bridge.database_url) as conn:
        conn.execute(statement.encode(), (*values, bridge.world.code))


def use(
    bridge: Bridge, name: str, at: datetime, value: str, sub: str = "sub-0"
) -> None:
    """A counter of "sum" at that instant. The ledger takes it at NOW, 15 June."""
    us = int(at.timestamp()) * 1_000_000
    item = counter(name, value=value, subscription=sub, timestamp_us=us)
    with connect_ledger(bridge.database_url) as conn:
        push(conn, make_message(bridge.world, [item]))


def freeze_until(bridge: Bridge, now: datetime) -> None:
    """Freeze what is due by then."""
    with connect_ledger(bridge.database_url) as conn:
        freeze(conn, bridge.world, now)


def push_all(bridge: Bridge, now: datetime) -> None:
    """Push what is dirty."""
    push_rollups(bridge.client, bridge.database_url, lambda: now)


def close_all(
    bridge: Bridge, now: datetime, client: Any = None, pace: Pace | None = None
) -> CloseReport:
    """Close what is due by then."""
    by = client or bridge.client
    return close_periods(by, bridge.database_url, lambda: now, pace)


def bills(bridge: Bridge) -> list[Mapping[str, Any]]:
    """The ledger's bills, by period and subscription."""
    names = ("subscription", "period_start", "status", "invoice_id", "reason")
    with connect_ledger(bridge.database_url) as conn:
        rows = conn.execute(
            "SELECT b.external_id, k.period_start, k.status, k.invoice_id, k.reason"
            " FROM period_bill k JOIN subscription b ON b.id = k.subscription_id"
            " ORDER BY k.period_start, b.external_id"
        ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]


def invoices(bridge: Bridge) -> list[dict[str, Any]]:
    """Odoo's invoices of the service, by period."""
    rows: list[dict[str, Any]] = bridge.odoo.ask(
        "account.move",
        "search_read",
        domain=[["x_fc_service_id.code", "=", bridge.world.code]],
        fields=["state", "move_type", "partner_id", "x_fc_period_start"],
        order="x_fc_period_start, id",
    )
    return rows


def lines(bridge: Bridge, move_id: int) -> list[dict[str, Any]]:
    """The invoice's lines of usage."""
    rows: list[dict[str, Any]] = bridge.odoo.ask(
        "account.move.line",
        "search_read",
        domain=[["move_id", "=", move_id], ["x_fc_usage_id", "!=", False]],
        fields=["name", "price_unit", "x_fc_usage_id"],
        order="id",
    )
    return rows


def billed_amounts(bridge: Bridge) -> list[tuple[int, Decimal]]:
    """Each line of each invoice: the usage row that it bills, and its price."""
    return sorted(
        (line["x_fc_usage_id"][0], Decimal(str(line["price_unit"])))
        for invoice in invoices(bridge)
        for line in lines(bridge, invoice["id"])
    )
