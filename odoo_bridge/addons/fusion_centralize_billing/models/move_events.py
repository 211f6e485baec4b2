"""Events of invoices and credit notes: posted, paid in part or whole, voided."""

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal

from odoo import models

from .invoice_rows import read_told, share_of
from .telling import day, event_row, fetch, instant, public_id, tell, watch

CHANGES = {"state", "payment_state", "amount_residual"}
PAID = ("paid", "in_payment", "reversed")
TOLD = ("out_invoice", "out_refund")


class AccountMove(models.Model):
    """Told to the live services whose usage or orders its lines bill."""

    _inherit = "account.move"

    def write(self, vals):
        """Write; a change of what is told is noted first."""
        if not CHANGES.isdisjoint(vals):
            watch(self)
        return super().write(vals)

    def unlink(self):
        """Delete; for an app, an invoice that it was told of is voided by that.

        What is told has to be read before, and is written after: only if it is gone.
        """
        self.env.flush_all()
        rows = self._x_fc_seen() if self else {}
        told = {
            key: [f"{_kind(row)}.voided"]
            for key, row in rows.items()
            if row["posted_before"] and row["state"] != "cancel"
        }
        events = self.sudo()._x_fc_rows(told, state="cancel")
        done = super().unlink()
        tell(self.env, events)
        return done

    def _compute_field_value(self, field):
        # Payments and reconciliations move an invoice by nothing but its computes.
        if any(f.name in CHANGES for f in self.pool.field_computed[field]):
            watch(self)
        return super()._compute_field_value(field)

    def _x_fc_seen(self):
        rows = fetch(self.env, "seen_moves", ids=tuple(self._ids), types=TOLD)
        return {row["id"]: row for row in rows}

    def _x_fc_events(self, before):
        after = self.browse(list(before))._x_fc_seen()
        told = {
            key: names
            for key, row in after.items()
            if (names := changes_of(before[key], row))
        }
        return self._x_fc_rows(told)

    def _x_fc_rows(self, told, **values):
        """The events of those names, by move, for each service that it is told to."""
        return [
            event_row(service["id"], name, service["build"])
            for move_id, services in self._x_fc_told(list(told), **values).items()
            for service in services
            for name in told[move_id]
        ]

    def _x_fc_told(self, move_ids, **values):
        """By move: each live service that it is told to, with what builds its payload.

        ``{move id: [{"id": service id, "build": callable}]}``; ``values`` are those of
        the move that are other than in the database.
        """
        found = defaultdict(list)
        if not move_ids:
            return found
        ids, now = tuple(move_ids), self.env.cr.now()
        parts = defaultdict(list)
        for part in fetch(self.env, "move_parts", ids=ids):
            parts[part["move_id"], part["service_id"]].append(part)
        moves = {row["id"]: row for row in fetch(self.env, "moves", ids=ids, now=now)}
        rows = read_told(self.env, move_ids)
        for (move_id, service_id), bills in sorted(parts.items()):
            move = {**moves[move_id], **values, "updated_at": now}
            row = {**rows[move_id], **values} if move_id in rows else None
            service = self.env["fusion.billing.service"].browse(service_id)

            def build(move=move, bills=bills, row=row, service=service):
                return payload(self.env, move, bills, row and share_of(row, service))

            found[move_id].append({"id": service_id, "build": build})
        return found


def changes_of(before, after):
    """The types of the events that lead from one to the other, in their order.

    A draft tells nothing, nor does one that is cancelled without having been posted.
    """
    invoice = after["move_type"] == "out_invoice"
    was = before["state"] if before else "draft"
    kind = _kind(after)
    if after["state"] == "cancel" and was != "cancel":
        return [f"{kind}.voided"] if before and before["posted_before"] else []
    if after["state"] != "posted":
        return []
    names, paid = [], _paid(after)
    if was != "posted":
        names.append(f"{kind}.created")
        total = Decimal(after["total"] or 0)
        changed = total and paid != (False, total)
    else:
        changed = paid != _paid(before)
    if invoice and changed:
        names.append("invoice.payment_status_updated")
    return names


def _kind(row):
    return "invoice" if row["move_type"] == "out_invoice" else "credit_note"


def _paid(row):
    """Whether it is paid, and what is due."""
    return row["payment_state"] in PAID, Decimal(row["due"] or 0)


def payload(env, move, bills, row=None):
    """What an app is told of a move: ``{"invoice": {...}}`` or ``{"credit_note": …}``.

    Money is in the currency, as text, and in its smallest unit, as an integer. "row":
    as export_catalog has it, or the service's share of it, whose sums are told.
    """
    if row:
        sums = {name: row[name] for name in ("untaxed", "tax", "total")}
        move = {**move, **sums, "due": row["residual"], "settled": row["settled"]}
    untaxed, tax, total, due, settled = (
        _money(move.get(name), move["places"])
        for name in ("untaxed", "tax", "total", "due", "settled")
    )
    shared = {
        "lago_id": public_id(env, "account.move", move["id"]),
        "number": move["name"],
        "issuing_date": day(move["invoice_date"]),
        "currency": move["currency"],
        "customer": _customer(bills),
        "subscriptions": _subscriptions(bills),
        "updated_at": instant(move["updated_at"]),
        "row": row,
    }
    places = move["places"]
    sums = {
        **_sums("sub_total_excluding_taxes", untaxed, places),
        **_sums("taxes", tax, places),
    }
    if move["move_type"] == "out_refund":
        of = move["reversed_entry_id"]
        invoice_id = public_id(env, "account.move", of) if of else None
        credit_note = {
            **shared,
            **sums,
            **_sums("total", total, places),
            **_sums("balance", due, places),
            "status": _status(move),
            "lago_invoice_id": invoice_id,
            "invoice_number": move["reversed_name"],
        }
        return {"credit_note": credit_note}
    paid = move["payment_state"] in PAID
    invoice = {
        **shared,
        **sums,
        **_sums("sub_total_including_taxes", total, places),
        **_sums("total", total, places),
        **_sums("total_paid", total - due - settled, places),
        **_sums("total_due", due, places),
        "status": _status(move),
        "invoice_type": "subscription",
        "payment_status": "succeeded" if paid else "pending",
        "payment_state": move["payment_state"] or "not_paid",
        "payment_due_date": day(move["invoice_date_due"]),
        "payment_overdue": bool(move["overdue"] and not paid),
        "period_start": instant(move["x_fc_period_start"]),
        "period_end": instant(move["x_fc_period_end"]),
    }
    return {"invoice": invoice}


def _status(move):
    return "voided" if move["state"] == "cancel" else "finalized"


def _sums(name, amount, places):
    cents = int(amount.scaleb(places))
    return {f"{name}_amount": f"{amount:f}", f"{name}_amount_cents": cents}


def _money(text, places):
    step = Decimal(1).scaleb(-places)
    return Decimal(text or 0).quantize(step, rounding=ROUND_HALF_UP)


def _customer(bills):
    first = min(bills, key=lambda bill: (bill["customer"] is None, bill["order_id"]))
    names = ("customer_name", "customer_email")
    name, email = (first[key] for key in names)
    return {"external_id": first["customer"], "name": name, "email": email}


def _subscriptions(bills):
    return [
        {
            "external_id": bill["subscription"],
            "external_customer_id": bill["customer"],
            "plan_code": bill["plan_code"],
        }
        for bill in sorted(bills, key=lambda bill: bill["order_id"])
        if bill["subscription"]
    ]
