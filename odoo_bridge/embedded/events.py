"""``fusion.billing.webhook``: lifecycle events, and how the bridge takes them."""

from collections.abc import Sequence
from typing import Any

from ledger.queries import load_queries
from odoo_bridge.embedded import rows as r
from odoo_bridge.embedded.applying import Applied, apply_rows
from odoo_bridge.embedded.env import Env, Records, api_model
from odoo_bridge.embedded.models import Field, choice, link, model, required
from odoo_bridge.embedded.values import DATETIME_FORMAT

MAX_ROWS = 500
OUTCOMES = ("taken", "failed")

WEBHOOK = model(
    "fusion.billing.webhook",
    "Billing Webhook Event",
    {
        "service_id": link("Service", "fusion.billing.service", required=True),
        "key": required("Key"),
        "event": required("Event"),
        "payload": Field("json", "Payload"),
        "state": choice("State", "pending", "taken", "failed", default="pending"),
        "reason": Field("char", "Reason"),
    },
    record_name="event",
    order="id desc",
    constraints={"fusion_billing_webhook_key_uniq": "An event is told once."},
)

_SQL = load_queries("events", "odoo_bridge.embedded")


@api_model
def fetch_events(
    records: Records, after_id: int = 0, limit: int = MAX_ROWS
) -> list[dict[str, Any]]:
    """Pending events past ``after_id``, oldest first.

    Answers at most 500 of ``{"id", "key", "service", "event", "payload",
    "created_at"}``; the payload is JSON text. An event of a service in shadow waits
    until the service is live. Changes nothing.
    """
    page = {
        "after_id": after_id,
        "limit": max(1, min(limit or MAX_ROWS, MAX_ROWS)),
    }
    rows = records.env.conn.execute(_SQL["pending_events"], page).fetchall()
    for row in rows:
        row["payload"] = row["payload"] or "null"
        row["created_at"] = row["created_at"].strftime(DATETIME_FORMAT)
    return rows


@api_model
def mark_events(records: Records, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Note what became of events: ``{key, state, reason}``, taken or failed.

    Answers ``{"index", "status", "id", "reason"}`` per row; the status is updated,
    unchanged (it is not pending any more) or error. Safe to repeat: an event that is
    not pending stays as it is.
    """
    return apply_rows(records.env, rows, _mark)


def _mark(env: Env, row: r.Row) -> Applied:
    key = r.text(row, "key")
    state = r.choice(row, "state", OUTCOMES)
    reason = r.optional_text(row, "reason")
    event = env.conn.execute(_SQL["find_event"], {"key": key}).fetchone()
    if event is None:
        raise r.RowError(f"key: unknown key {key!r}")
    if event["state"] != "pending":
        return event["id"], "unchanged"
    values = {"id": event["id"], "state": state, "reason": reason, "uid": env.uid}
    env.conn.execute(_SQL["mark_event"], values)
    return event["id"], "updated"
