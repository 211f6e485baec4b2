"""Writing on an invoice tells of it, in the same transaction, as the addon does.

Posted, paid or not any more, voided: by ``state`` and ``payment_state``. Subscriptions
and clients tell nothing here.
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from uuid import uuid4

from psycopg.types.json import Jsonb

from ledger.queries import load_queries
from odoo_bridge.embedded import generic
from odoo_bridge.embedded.addon_export import export_catalog
from odoo_bridge.embedded.env import Records
from odoo_bridge.embedded.public_ids import public_id

PAID = ("paid", "in_payment", "reversed")
CENT = Decimal("0.01")

_SQL = load_queries("events", "odoo_bridge.embedded")

Values = dict[str, Any]


def write_move(records: Records, vals: Any) -> bool:
    """Set the values on every invoice; live services hear what that changed."""
    before = _seen(records)
    done = generic.write(records, vals)
    for key, after in _seen(records).items():
        names = changes_of(before.get(key, after), after)
        row = _row(records, key) if names else {}
        for name in names:
            event = {
                "service_id": after["service_id"],
                "key": uuid4().hex,
                "event": name,
                "payload": Jsonb(payload(after, row)),
                "uid": records.env.uid,
            }
            records.env.conn.execute(_SQL["insert_event"], event)
    return done


def action_post(records: Records) -> bool:
    """Post drafts, by writing their state."""
    return write_move(records, {"state": "posted"})


def button_cancel(records: Records) -> bool:
    """Cancel, by writing the state."""
    return write_move(records, {"state": "cancel"})


def changes_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The types of the events that lead from one to the other, in their order."""
    invoice = after["move_type"] == "out_invoice"
    kind = "invoice" if invoice else "credit_note"
    was, state = before["state"], after["state"]
    if was == "posted" and state == "cancel":
        return [f"{kind}.voided"]
    if state != "posted":
        return []
    names = [f"{kind}.created"] if was != "posted" else []
    paid_before = was == "posted" and before["payment_state"] in PAID
    if invoice and paid_before != (after["payment_state"] in PAID):
        names.append("invoice.payment_status_updated")
    return names


def payload(move: Mapping[str, Any], row: Values) -> Values:
    """``{"invoice": {...}}`` or ``{"credit_note": {...}}``; there are no taxes.

    ``row``: as export_catalog has it, but for what opens the portal.
    """
    total = Decimal(move["total"]).quantize(CENT, rounding=ROUND_HALF_UP)
    paid = move["payment_state"] in PAID
    due = Decimal(0) if paid else total
    shared = {
        "lago_id": public_id("account.move", move["id"]),
        "number": move["name"] or f"INV/{move['id']:05d}",
        "status": "voided" if move["state"] == "cancel" else "finalized",
        "issuing_date": f"{move['updated_at']:%Y-%m-%d}",
        "currency": move["currency"] or "CAD",
        **_sums("sub_total_excluding_taxes", total),
        **_sums("taxes", Decimal(0)),
        **_sums("total", total),
        "customer": {
            "external_id": move["customer"],
            "name": move["client"],
            "email": move["email"],
        },
        "subscriptions": [
            {
                "external_id": external_id,
                "external_customer_id": move["customer"],
                "plan_code": plan_code,
            }
            for external_id, plan_code in move["subscriptions"]
        ],
        "updated_at": _instant(move["updated_at"]),
        "row": row,
    }
    if move["move_type"] == "out_refund":
        more = {"lago_invoice_id": None, "invoice_number": None}
        return {"credit_note": {**shared, **more, **_sums("balance", due)}}
    invoice = {
        **shared,
        **_sums("sub_total_including_taxes", total),
        **_sums("total_paid", total - due),
        **_sums("total_due", due),
        "invoice_type": "subscription",
        "payment_status": "succeeded" if paid else "pending",
        "payment_state": move["payment_state"],
        "payment_due_date": None,
        "payment_overdue": False,
        "period_start": _instant(move["x_fc_period_start"]),
        "period_end": _instant(move["x_fc_period_end"]),
    }
    return {"invoice": invoice}


def _row(records: Records, key: int) -> Values:
    page = export_catalog(records, "invoice", record_ids=[key])
    row: Values = page["rows"][0]
    del row["access_token"]
    return row


def _seen(records: Records) -> dict[int, Values]:
    rows = records.env.conn.execute(_SQL["moves"], {"ids": list(records.ids)})
    return {row["id"]: row for row in rows}


def _sums(name: str, amount: Decimal) -> Values:
    cents = int(amount.quantize(CENT).scaleb(2))
    return {f"{name}_amount": f"{amount:.2f}", f"{name}_amount_cents": cents}


def _instant(moment: Any) -> str | None:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else None
