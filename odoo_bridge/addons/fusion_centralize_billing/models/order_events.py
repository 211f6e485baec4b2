"""Events of subscriptions: started, updated, terminated.

What an app itself has changed, the ledger has told it.
"""

from odoo import api, fields, models

from .telling import app_changes, event_row, fetch, instant, run, watch

CHANGES = {
    "state",
    "partner_id",
    "x_fc_service_id",
    "x_fc_external_id",
    "x_fc_account_link_id",
    "x_fc_plan_id",
    "x_fc_started_at",
    "x_fc_ended_at",
    "x_fc_timezone",
    "x_fc_anchor",
}
TERMS = (
    "x_fc_external_id",
    "customer",
    "partner_id",
    "plan_code",
    "x_fc_started_at",
    "x_fc_ended_at",
    "x_fc_timezone",
    "x_fc_anchor",
)
"""What makes it another subscription than before."""


class SaleOrder(models.Model):
    """Told to the order's own service; ``x_fc_closed``: its end has been told."""

    _inherit = "sale.order"

    x_fc_closed = fields.Boolean(string="Told to Have Ended", copy=False, readonly=True)

    @api.model_create_multi
    def create(self, vals_list):
        """Create; one that is born confirmed is noted as one that was not there."""
        orders = super().create(vals_list)
        if any(vals.get("state") == "sale" for vals in vals_list):
            watch(orders, new=True)
        return orders

    def write(self, vals):
        """Write; a change of what is told is noted first."""
        if not CHANGES.isdisjoint(vals):
            watch(self)
        return super().write(vals)

    def _x_fc_seen(self):
        rows = fetch(self.env, "orders", ids=tuple(self._ids))
        return {row["id"]: row for row in rows}

    def _x_fc_events(self, before):
        """Notes as well, in each order, whether its end has been told."""
        now = self.env.cr.now()
        orders = self.browse(list(before))
        after, events, known = orders._x_fc_seen(), [], app_changes(self)
        for key, row in after.items():
            was = before[key]
            name = change_of(was, row, now)
            if name and row["mode"] == "live" and key not in known:

                def build(row=row, was=was):
                    return payload(row, was, now)

                events.append(event_row(row["service_id"], name, build))
        for closed in (True, False):
            changed = [
                key
                for key, row in after.items()
                if is_over(row, now) is closed
                and bool(row["x_fc_closed"]) is not closed
            ]
            if changed:
                run(self.env, "mark_closed", ids=tuple(changed), closed=closed)
        orders.invalidate_recordset(["x_fc_closed"], flush=False)
        return events


def is_over(row, now):
    """Whether the subscription is cancelled or has ended by then."""
    ended = row["x_fc_ended_at"]
    return row["state"] == "cancel" or bool(ended and ended <= now)


def change_of(before, after, now):
    """The type of the event that leads from one to the other, or None.

    An order that was not there tells nothing until it is confirmed; its end is told
    once, whether by a change, a cancellation or the mere time.
    """
    over = is_over(after, now)
    if before is None:
        return "subscription.started" if _active(after) and not over else None
    was_over = bool(before["x_fc_closed"]) or before["state"] == "cancel"
    if over and not was_over:
        return "subscription.terminated"
    if _active(after) and not over and (was_over or not _active(before)):
        return "subscription.started"
    if over != was_over or any(before[name] != after[name] for name in TERMS):
        return "subscription.updated"
    return None


def _active(row):
    return row["state"] == "sale"


def payload(row, before, now):
    """What an app is told of a subscription: ``{"subscription": {...}}``."""
    ended, over = row["x_fc_ended_at"], is_over(row, now)
    pending = "active" if _active(row) else "pending"
    subscription = {
        "external_id": row["x_fc_external_id"],
        "external_customer_id": row["customer"],
        "plan_code": row["plan_code"],
        "previous_plan_code": before and _other_plan(before, row),
        "status": "terminated" if over else pending,
        "billing_time": row["x_fc_anchor"],
        "timezone": row["x_fc_timezone"],
        "started_at": instant(row["x_fc_started_at"]),
        "ending_at": instant(ended),
        "terminated_at": instant(min(ended or now, now)) if over else None,
        "updated_at": instant(now),
    }
    return {"subscription": subscription}


def _other_plan(before, row):
    was = before["plan_code"]
    return was if was != row["plan_code"] else None
