"""``fusion.billing.usage.close_period``: a client's frozen usage on a draft invoice."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ledger.money import EXACT, round_money
from ledger.queries import load_queries
from odoo_bridge.embedded import rows as r
from odoo_bridge.embedded.applying import Applied, apply_rows, find_service, one
from odoo_bridge.embedded.env import Env, Records, api_model

_SQL = load_queries("close", "odoo_bridge.embedded")

HELD_DIGITS = 14
"""So many an invoice holds exactly: its numbers are doubles, exact to 15 digits, and
the taxes come on top."""

Values = dict[str, Any]


@api_model
def close_period(records: Records, rows: Sequence[Any]) -> list[Values]:
    """Put each client's usage of a service and period on one draft invoice.

    A row is ``{service, customer, period_start, period_end}``: an external customer
    whose client is billed, for all of the client's subscriptions in the service. A row
    may name them, as ``subscriptions``: then for no others, and one that is not the
    client's is an error; and ``plans``, one for each of those, which names the products
    and taxes that are not here. It may say how many rows of usage they have, as
    ``rollups``, and what those come to, as ``amount``: it is an error when it is not
    what Odoo has, and nothing is made.

    Answers ``{"index", "status", "id", "reason"}`` per row; the id is the invoice's, or
    False. The status is created; updated (rows that came since went on the draft);
    unchanged; empty (nothing to pay); shadow (the service is not live: nothing is
    made); or error. Calling again makes no second invoice. There are no taxes here.
    """
    return apply_rows(records.env, rows, _close)


def _close(env: Env, row: r.Row) -> Applied:
    service_id = find_service(env, row)
    customer = r.text(row, "customer")
    link = one(
        env, "find_customer", {"service_id": service_id, "external_id": customer}
    )
    if link is None:
        raise r.RowError(f"customer: unknown customer {customer!r}")
    key = {
        "service_id": service_id,
        "partner_id": link["partner_id"],
        "period_start": r.moment(row, "period_start"),
        "period_end": r.moment(row, "period_end"),
        "uid": env.uid,
    }
    if _fetch(env, "service_mode", key)[0]["mode"] != "live":
        return False, "shadow"
    found = _find_usage(env, key, r.optional_texts(row, "subscriptions"))
    _check_sum(found, row)
    usage = _leave_unbilled(found)
    names, plans = (r.optional_texts(row, name) for name in ("subscriptions", "plans"))
    if plans and len(plans) != len(names):
        raise r.RowError("plans: must be one for each of subscriptions")
    moves = _fetch(env, "find_move", key)
    if moves:
        return moves[0]["id"], _add_missing(env, moves[0], usage)
    if not any(_rounded(entry) for entry in usage):
        billed_on = [entry["billed_on"] for entry in found if entry["billed_on"]]
        return (billed_on[0], "unchanged") if billed_on else (False, "empty")
    refund = sum(_rounded(entry) for entry in usage) < 0
    origin = ", ".join(sorted({entry["order_name"] for entry in usage}))
    key |= {"move_type": "out_refund" if refund else "out_invoice", "origin": origin}
    move_id = _fetch(env, "create_move", key)[0]["id"]
    _add_lines(env, move_id, usage, refund)
    return move_id, "created"


def _find_usage(env: Env, key: Values, names: list[str]) -> list[Values]:
    if names:
        known = _fetch(env, "find_orders", {**key, "names": names})
        if others := set(names) - {entry["name"] for entry in known}:
            shown = ", ".join(sorted(others)[:5])
            raise r.RowError(f"subscriptions: {shown}: not of this client")
    found = _fetch(env, "find_usage", {**key, "names": names or None})
    if still := {entry["order_name"] for entry in found if entry["state"] != "frozen"}:
        orders = ", ".join(sorted(still))
        raise r.RowError(f"period_end: the usage of {orders} is not frozen yet")
    return found


def _check_sum(found: list[Values], row: r.Row) -> None:
    """Bill nothing by halves: the rows are those that the caller knows of."""
    rows = r.whole(row, "rollups", default=len(found))
    if rows != len(found):
        raise r.RowError(f"rollups: the period has {rows} rows, Odoo {len(found)}")
    has = Decimal(0)
    for entry in found:
        has = EXACT.add(has, entry["amount"])
    amount = r.optional_number(row, "amount")
    if amount is not None and amount != has:
        raise r.RowError(
            f"amount: the period comes to {amount:f}, Odoo's rows to {has:f}"
        )


def _leave_unbilled(found: list[Values]) -> list[Values]:
    usage = [entry for entry in found if not entry["billed_on"]]
    for entry in usage:
        name, amount = entry["order_name"], _rounded(entry)
        if entry["currency"] != entry["order_currency"]:
            raise r.RowError(
                f"currency: usage of {name} is in {entry['currency'] or 'none'}, its "
                f"order in {entry['order_currency']}"
            )
        if len(amount.as_tuple().digits) > HELD_DIGITS:
            raise r.RowError(
                f"amount: {amount:f} of {name} has more than {HELD_DIGITS} digits, "
                "which an invoice cannot hold exactly"
            )
    if len({entry["order_currency"] for entry in usage}) > 1:
        raise r.RowError("currency: the client's orders are not in one currency")
    return usage


def _add_missing(env: Env, move: Values, missing: list[Values]) -> str:
    if not missing:
        return "unchanged"
    if move["state"] != "draft":
        raise r.RowError(f"{len(missing)} rows came after {move['name']} was posted")
    _add_lines(env, move["id"], missing, move["move_type"] == "out_refund")
    return "updated"


def _add_lines(env: Env, move_id: int, usage: list[Values], refund: bool) -> None:
    for entry in usage:
        amount = -_rounded(entry) if refund else _rounded(entry)
        line = {"move_id": move_id, "uid": env.uid, "usage_id": entry["id"]}
        line |= {"name": describe(entry), "price_unit": float(amount)}
        env.conn.execute(_SQL["create_line"], line)
    env.conn.execute(_SQL["add_up_move"], {"move_id": move_id, "uid": env.uid})


def describe(usage: Values) -> str:
    """What the line is for, and how its amount came about.

    Periods are days of the subscription's time zone; the end is the last day. The
    working is the ledger's; a row that came without one says what it has.
    """
    zone, unit = ZoneInfo(usage["timezone"] or "UTC"), usage["unit"] or ""
    head = (
        f"{usage['metric']}, {usage['subscription'] or usage['order_name']}: "
        f"{_day(usage['period_start'], zone)} to "
        f"{_day(usage['period_end'], zone, last=True)}"
    )
    if usage["correction_of"]:
        since = _day(usage["correction_of"], zone)
        head = f"Correction of the period from {since}, billed late: {head}"
    if usage["working"]:
        return f"{head}\n{usage['working']}"
    words = (("quantity", "used"), ("included", "included"), ("overage", "over"))
    shown = [
        f"{_short(usage[name])} {unit} {word}".replace("  ", " ")
        for name, word in words
        if usage[name] is not None
    ]
    return f"{head}\n{', '.join(shown)} = {_rounded(usage):f} {usage['currency']}"


def _rounded(usage: Values) -> Decimal:
    return round_money(usage["amount"], usage["currency"] or "")


def _day(moment: datetime, zone: ZoneInfo, last: bool = False) -> str:
    """The local day of an instant; ``last``: of the instant before it."""
    if last:
        moment -= timedelta(microseconds=1)
    return f"{moment.replace(tzinfo=UTC).astimezone(zone):%Y-%m-%d}"


def _short(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _fetch(env: Env, query: str, values: Values) -> list[Values]:
    return env.conn.execute(_SQL[query], values).fetchall()
