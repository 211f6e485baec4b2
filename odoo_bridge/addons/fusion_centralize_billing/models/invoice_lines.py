"""An invoice line of a row of usage: quantity 1 at the amount, and the working."""

from datetime import timedelta
from decimal import ROUND_HALF_UP, Context, Decimal

import pytz
from odoo.fields import Command

from .exact_decimal import plain

EXACT = Context(prec=250)
"""Wide enough for any two of our numbers; what does not fit would be rounded."""
HELD_DIGITS = 14
"""So many an invoice holds exactly: its numbers are doubles, exact to 15 digits, and
the taxes come on top."""


def in_order(usages):
    """Own rows first, then corrections; by order, then metric."""
    return usages.sorted(
        lambda u: (bool(u.correction_of), u.subscription_id.id, u.metric_id.code, u.id)
    )


def refusal(usage):
    """Why the row cannot be billed by its order; empty where it can.

    An order's currency comes from its pricelist, and follows no plan.
    """
    order = usage.subscription_id
    if usage.currency != order.currency_id.name:
        return (
            f"currency: usage of {order.name} is in {usage.currency or 'none'}, its "
            f"order in {order.currency_id.name}"
        )
    if order.company_id != usage.service_id.company_id:
        return f"service: {order.name} is an order of another company"
    if len(rounded(usage).as_tuple().digits) > HELD_DIGITS:
        return (
            f"amount: {plain(rounded(usage))} of {order.name} has more than "
            f"{HELD_DIGITS} digits, which an invoice cannot hold exactly"
        )
    return ""


def rounded(usage):
    """The row's amount, to its order's currency, half up."""
    places = usage.subscription_id.currency_id.decimal_places
    step = Decimal(1).scaleb(-places)
    return usage.amount.quantize(step, rounding=ROUND_HALF_UP, context=EXACT)


def line_values(usage, fiscal_position, refund=False, plans=None):
    """Values of an ``account.move.line``. On a credit note the sign is the other one.

    ``plans``: those of the period, by the orders' external ids. The quantity is 1: a
    line's quantity is rounded to two places, its price is not.
    """
    charge = _charge(usage, plans or {})
    own = usage.env.ref("fusion_centralize_billing.product_usage")
    product = charge.product_id or usage.service_id.product_id or own
    amount = -rounded(usage) if refund else rounded(usage)
    taxes = fiscal_position.map_tax(_taxes(usage, charge, product, own))
    return {
        "name": describe(usage),
        "product_id": product.id,
        "quantity": 1,
        "price_unit": float(amount),  # a double: exact, see refusal
        "tax_ids": [Command.set(taxes.ids)],
        "x_fc_usage_id": usage.id,
    }


def describe(usage):
    """What the line is for, and how its amount came about.

    Periods are days of the subscription's time zone; the end is the last day. The
    working is the ledger's; a row that came without one says what it has.
    """
    order, unit = usage.subscription_id, usage.metric_id.unit or ""
    zone = pytz.timezone(order.x_fc_timezone or "UTC")
    head = (
        f"{usage.metric_id.name}, {order.x_fc_external_id or order.name}: "
        f"{_day(usage.period_start, zone)} to {_day(usage.period_end, zone, last=True)}"
    )
    if usage.correction_of:
        since = _day(usage.correction_of, zone)
        head = f"Correction of the period from {since}, billed late: {head}"
    if usage.working:
        return f"{head}\n{usage.working}"
    parts = (("used", usage.quantity), ("included", usage.included))
    parts += (("over", usage.overage),)
    shown = [
        f"{_short(number)} {unit} {word}".replace("  ", " ")
        for word, number in parts
        if number is not False
    ]
    return f"{head}\n{', '.join(shown)} = {plain(rounded(usage))} {usage.currency}"


def _charge(usage, plans):
    """What charges the row: in the plan of its period, else in its order's plan now."""
    order = usage.subscription_id
    for plan in (plans.get(order.x_fc_external_id), order.x_fc_plan_id):
        if plan:
            charge = plan.charge_ids.filtered(
                lambda charge: charge.metric_id == usage.metric_id
            )
            if charge:
                return charge
    return usage.env["fusion.billing.charge"]


def _taxes(usage, charge, product, own):
    company = usage.service_id.company_id
    taxes = (charge.tax_ids or product.taxes_id).filtered(
        lambda tax: tax.company_id in company.parent_ids
    )
    if not taxes and product == own:
        return company.account_sale_tax_id
    return taxes


def _day(moment, zone, last=False):
    """The local day of an instant; ``last``: of the instant before it."""
    if last:
        moment -= timedelta(microseconds=1)
    return f"{pytz.utc.localize(moment).astimezone(zone):%Y-%m-%d}"


def _short(number):
    text = plain(number)
    return text.rstrip("0").rstrip(".") if "." in text else text
