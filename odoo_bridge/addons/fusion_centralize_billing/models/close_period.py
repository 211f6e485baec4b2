"""``fusion.billing.usage.close_period``: a client's frozen usage on a draft invoice."""

from odoo import api, models
from odoo.fields import Command

from . import applying as a
from . import rows as r
from .invoice_lines import in_order, line_values, refusal, rounded


class Usage(models.Model):
    """What the bridge bills."""

    _inherit = "fusion.billing.usage"

    @api.model
    def close_period(self, rows):
        """Put each client's usage of a service and period on one draft invoice.

        A row is ``{service, customer, period_start, period_end}``: an external customer
        whose client is billed, for all of the client's subscriptions in the service.
        Answers ``{"index", "status", "id", "reason"}`` per row; the id is the
        invoice's, or False. The status is created; updated (rows that came since went
        on the draft); unchanged; empty (nothing to pay); shadow (the service is not
        live: nothing is made); or error. Calling again makes no second invoice. Usage
        of an order that Odoo invoices each period by itself is left to that invoice.

        Raises AccessError for a user who is not the bridge.
        """
        service = self.env[a.SERVICE]._as_bridge()  # before any look-up
        env = service.with_context(**a.SILENT).env
        return a.apply_rows(env, rows, _close)


def _close(env, row):
    service = a.find_service(env, row)
    link = a.find(env, row, "customer", a.LINK, "external_id", service)
    start, end = r.moment(row, "period_start"), r.moment(row, "period_end")
    if service.mode != "live":
        return False, "shadow"
    key = {
        "x_fc_service_id": service.id,
        "x_fc_client_id": link.partner_id.id,
        "x_fc_period_start": start,
        "x_fc_period_end": end,
    }
    usages = _find_unbilled(env, service, link.partner_id, start, end)
    moves = env["account.move"].with_company(service.company_id)
    same_key = [(name, "=", value) for name, value in key.items()]
    move = moves.search([*same_key, ("state", "!=", "cancel")])
    if move:
        return move.id, _add_missing(move, usages)
    if not any(rounded(usage) for usage in usages):
        return False, "empty"
    return _invoice(moves, key, usages).id, "created"


def _find_unbilled(env, service, partner, start, end):
    """The period's rows with an amount and no line: own ones first, then corrections.

    Rows without an amount have no charge. A line of a cancelled invoice bills nothing.
    """
    usages = env[a.USAGE].search(
        [
            ("service_id", "=", service.id),
            ("subscription_id.partner_id", "=", partner.id),
            ("period_start", "=", start),
            ("period_end", "=", end),
            ("amount", "!=", False),
        ],
    )
    if still := usages.filtered(lambda usage: usage.state != "frozen"):
        names = ", ".join(sorted(set(still.subscription_id.mapped("name"))))
        raise r.RowError(f"period_end: the usage of {names} is not frozen yet")
    usages = usages.filtered(
        lambda usage: (
            not usage.subscription_id._x_fc_has_own_invoice() and not usage._billed_on()
        )
    )
    for usage in usages:
        if reason := refusal(usage):
            raise r.RowError(reason)
    if len(usages.subscription_id.currency_id) > 1:
        raise r.RowError("currency: the client's orders are not in one currency")
    return in_order(usages)


def _invoice(moves, key, usages):
    """A new draft; a total below zero makes it a credit note."""
    orders = usages.subscription_id.sorted("id")
    values = orders[0]._prepare_invoice()
    refund = sum(rounded(usage) for usage in usages) < 0
    if refund:
        values["move_type"] = "out_refund"
    fiscal = moves.env["account.fiscal.position"].browse(values["fiscal_position_id"])
    lines = [line_values(usage, fiscal, refund) for usage in usages]
    values.update(
        key,
        invoice_origin=", ".join(orders.mapped("name")),
        transaction_ids=[],
        auto_post="no",
        invoice_line_ids=[Command.create(line) for line in lines],
    )
    return a.create(moves, values)


def _add_missing(move, missing):
    if not missing:
        return "unchanged"
    if move.state != "draft":
        raise r.RowError(f"{len(missing)} rows came after {move.name} was posted")
    fiscal, refund = move.fiscal_position_id, move.move_type == "out_refund"
    lines = [line_values(usage, fiscal, refund) for usage in missing]
    move.write({"invoice_line_ids": [Command.create(line) for line in lines]})
    return "updated"
