"""Odoo's events of customers and subscriptions with what the ledger knows beside: so
that they are Lago's objects, whoever has made the change."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ledger.customer_object import customer_object
from ledger.customers import find_customer
from ledger.db import Connection
from ledger.subscription_object import subscription_object
from ledger.subscriptions import find_subscription


def complete_record(
    conn: Connection, service_id: int, data: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """``{object: {...}}`` with all that Lago's object has.

    What Odoo tells stays as it is: it is newer than what was last pulled. A record that
    no pull has brought yet stays so as a whole.
    """
    name, told = next(iter(data.items()))
    if name == "customer":
        customer = find_customer(conn, service_id, told["external_id"])
        if customer is not None:
            return {name: {**customer_object(customer), **told}}
    elif name == "subscription":
        found = find_subscription(conn, service_id, told["external_id"], now)
        if found is not None:
            own = subscription_object(found, now)
            if told["plan_code"] != found.plan:  # whose price is not that plan's
                own |= {"plan_amount_cents": None, "plan_amount_currency": None}
            return {name: {**own, **told}}
    return data
