"""``fusion.billing.usage.close_period``: a client's frozen usage on a draft invoice."""

from decimal import Decimal

from odoo import api, models
from odoo.fields import Command

from . import applying as a
from . import rows as r
from .exact_decimal import plain
from .invoice_lines import EXACT, in_order, line_values, refusal, rounded


class Usage(models.Model):
    """What the bridge bills."""

    _inherit = "fusion.billing.usage"

    @api.model
    def close_period(self, rows):
        """Put each client's usage of a service and period on one draft invoice.

        A row is ``{service, customer, period_start, period_end}``: an external customer
        whose client is billed, for all of the client's subscriptions in the service. A
        row may name them, as ``subscriptions``: then for no others, and one that is not
        the client's is an error; and ``plans``, the plan that each of those had in the
        period: its charges name the products and the taxes, or else those of the plan
        that the order has by now. It may say how many rows of usage they have, as
        ``rollups``, and what those come to, as ``amount``: it is an error when it is
        not what Odoo has, and nothing is made.

        Answers ``{"index", "status", "id", "reason"}`` per row; the id is the
        invoice's, or False. The status is created; updated (rows that came since went
        on the draft); unchanged; empty (nothing to pay); shadow (the service is not
        live: nothing is made); or error. Calling again makes no second invoice. Usage
        of an order that Odoo invoices each period by itself is released to that
        invoice; what the order had when it ended is billed here, as no other follows.

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
    usages = _find_usages(env, service, link.partner_id, row)
    _check_sum(usages, row)
    billed_on = usages._billed_on()[:1]
    usages = _leave_unbilled(usages - _release(usages))
    plans = _find_plans(env, service, row)
    moves = env["account.move"].with_company(service.company_id)
    same_key = [(name, "=", value) for name, value in key.items()]
    move = moves.search([*same_key, ("state", "!=", "cancel")])
    if move:
        return move.id, _add_missing(move, usages, plans)
    if not any(rounded(usage) for usage in usages):
        # As after a call whose answer was lost, when the orders have moved since.
        return (billed_on.id, "unchanged") if billed_on else (False, "empty")
    return _invoice(moves, key, usages, plans).id, "created"


def _find_usages(env, service, partner, row):
    """The period's rows with an amount. Rows without one have no charge."""
    domain = [
        ("service_id", "=", service.id),
        ("subscription_id.partner_id", "=", partner.id),
        ("period_start", "=", r.moment(row, "period_start")),
        ("period_end", "=", r.moment(row, "period_end")),
        ("amount", "!=", False),
    ]
    if names := r.optional_texts(row, "subscriptions"):
        orders = env[a.ORDER].search(
            [
                ("x_fc_service_id", "=", service.id),
                ("partner_id", "=", partner.id),
                ("x_fc_external_id", "in", names),
            ]
        )
        if others := set(names).difference(orders.mapped("x_fc_external_id")):
            shown = ", ".join(sorted(others)[:5])
            raise r.RowError(f"subscriptions: {shown}: not of this client")
        domain.append(("subscription_id", "in", orders.ids))
    usages = env[a.USAGE].search(domain)
    if still := usages.filtered(lambda usage: usage.state != "frozen"):
        names = ", ".join(sorted(set(still.subscription_id.mapped("name"))))
        raise r.RowError(f"period_end: the usage of {names} is not frozen yet")
    return usages


def _find_plans(env, service, row):
    """The plans that the row names, by their subscriptions' names."""
    names, codes = (r.optional_texts(row, key) for key in ("subscriptions", "plans"))
    if codes and len(codes) != len(names):
        raise r.RowError("plans: must be one for each of subscriptions")
    domain = [("service_id", "=", service.id), ("plan_code", "in", codes)]
    by_code = {plan.plan_code: plan for plan in env[a.PLAN].search(domain)}
    pairs = zip(names, codes, strict=False)  # no plans: no pairs
    return {name: by_code[code] for name, code in pairs if code in by_code}


def _check_sum(usages, row):
    """Bill nothing by halves: the rows are those that the caller knows of."""
    rows = r.whole(row, "rollups", default=len(usages))
    if rows != len(usages):
        raise r.RowError(f"rollups: the period has {rows} rows, Odoo {len(usages)}")
    has = Decimal(0)
    for usage in usages:
        has = EXACT.add(has, usage.amount)
    amount = r.optional_number(row, "amount")
    if amount is not None and amount != has:
        raise r.RowError(
            f"amount: the period comes to {plain(amount)}, Odoo's rows to {plain(has)}"
        )


def _release(usages):
    """Leave to their orders' own invoices what those are to bill; answers those.

    Only what is released: usage that was frozen in shadow is never closed, and a
    switch to live must not charge it.
    """
    released = usages.filtered(lambda usage: usage._order_bills())
    released.filtered(lambda usage: not usage.released).released = True
    return released


def _leave_unbilled(usages):
    """Those that no line bills: own ones first, then corrections.

    A line of a cancelled invoice bills nothing.
    """
    usages = usages.filtered(lambda usage: not usage._billed_on())
    for usage in usages:
        if reason := refusal(usage):
            raise r.RowError(reason)
    if len(usages.subscription_id.currency_id) > 1:
        raise r.RowError("currency: the client's orders are not in one currency")
    return in_order(usages)


def _invoice(moves, key, usages, plans):
    """A new draft; a total below zero makes it a credit note."""
    orders = usages.subscription_id.sorted("id")
    # The caller's own company has other fiscal positions, and other taxes.
    values = orders[0].with_company(moves.env.company)._prepare_invoice()
    refund = sum(rounded(usage) for usage in usages) < 0
    if refund:
        values["move_type"] = "out_refund"
    fiscal = moves.env["account.fiscal.position"].browse(values["fiscal_position_id"])
    lines = [line_values(usage, fiscal, refund, plans) for usage in usages]
    values.update(
        key,
        invoice_origin=", ".join(orders.mapped("name")),
        transaction_ids=[],
        auto_post="no",
        invoice_line_ids=[Command.create(line) for line in lines],
    )
    return a.create(moves, values)


def _add_missing(move, missing, plans):
    if not missing:
        return "unchanged"
    if move.state != "draft":
        raise r.RowError(f"{len(missing)} rows came after {move.name} was posted")
    fiscal, refund = move.fiscal_position_id, move.move_type == "out_refund"
    lines = [line_values(usage, fiscal, refund, plans) for usage in missing]
    move.write({"invoice_line_ids": [Command.create(line) for line in lines]})
    return "updated"
