"""What is not the same in a rollup of the ledger's and Odoo's row of usage."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from ledger.drift import UsageCodes
from ledger.money import round_money
from odoo_bridge.difference import (
    NONE,
    Compared,
    Difference,
    name_usage,
    read_time,
    show,
)
from schemas.messages import MAX_INT4, plain_number
from schemas.odoo_rows import Row

KEY: Final = ("service", "subscription", "metric", "period_start", "correction_of")
NUMBERS: Final = frozenset({"quantity", "included", "overage", "amount"})
NOTHING: Final = (None, False, "")

PUSH_AGAIN: Final = "drift --repair pushes the ledger's row again"
TOO_HIGH: Final = (
    "its revision leaves no room for a greater one: set it to 0 in Odoo by hand, then "
    "drift --repair"
)
CREATE_AGAIN: Final = "deleted in Odoo; drift --repair creates it again"
MADE_BY_HAND: Final = (
    "the ledger never sent it: find out who made it, and delete it in Odoo; nothing "
    "here ever does"
)
EDITED_INVOICE: Final = (
    "a person changed the invoice: leave it if that was meant, else correct it there"
)
LOST_INVOICE: Final = (
    "deleted, cancelled or cut by a person, and nothing bills it any more: leave it if "
    "that was meant, else: fusion-billing bill-again SERVICE INVOICE"
)


def usage_differences(
    row: Row, actual: Row | None, compared: Compared
) -> Iterator[Difference]:
    """Value by value of all that is sent; then what an invoice bills for it."""
    service, subject = row["service"], name_usage(codes_of(row))
    if actual is None:
        yield Difference(
            service,
            "usage",
            "drift",
            subject,
            "row",
            _summary(row),
            NONE,
            CREATE_AGAIN,
            None,
            compared,
        )
        return
    billed = actual["billed"]
    advice = PUSH_AGAIN if compared.held < MAX_INT4 else TOO_HIGH
    note = ""
    if billed is not False:
        note = f"{actual['invoice']} bills it: an invoice is corrected by a person"
    for name, value in row.items():
        # An older addon neither takes nor tells what is not there.
        if name in KEY or name not in actual or _same(name, value, actual[name]):
            continue
        values = show(value), show(actual[name])
        yield Difference(
            service,
            "usage",
            "drift",
            subject,
            name,
            *values,
            advice,
            actual["id"],
            compared,
            note,
        )
    if billed is not False:
        due = round_money(Decimal(row["amount"] or 0), row["currency"])
        on_line = round_money(Decimal(billed), row["currency"])
        if due != on_line:
            yield Difference(
                service,
                "invoice",
                "warning",
                f"{subject} on {actual['invoice']}",
                "amount",
                plain_number(due),
                plain_number(on_line),
                EDITED_INVOICE,
                actual["id"],
            )


def lost_bill(row: Row, actual: Row | None, invoice_id: int) -> Iterator[Difference]:
    """Of a row that was billed on that invoice: that none bills it by now."""
    if actual is None or actual["billed"] is not False:
        return
    due = round_money(Decimal(row["amount"] or 0), row["currency"])
    if due:
        yield Difference(
            row["service"],
            "invoice",
            "warning",
            f"{name_usage(codes_of(row))} on invoice {invoice_id}",
            "amount",
            plain_number(due),
            NONE,
            LOST_INVOICE,
            actual["id"],
        )


def unknown_row(codes: UsageCodes, row: Row) -> Difference:
    """A row of Odoo's that the ledger does not have."""
    advice = MADE_BY_HAND
    if row["billed"] is not False:
        advice = f"{row['invoice']} bills it; {advice}"
    values = NONE, _summary(row)
    subject = name_usage(codes)
    return Difference(
        codes.service, "usage", "drift", subject, "row", *values, advice, row["id"]
    )


def codes_of(row: Row) -> UsageCodes:
    """What a row of either side is about. Raises KeyError, TypeError, ValueError."""
    start = read_time(row["period_start"])
    late = row["correction_of"]
    return UsageCodes(
        row["service"],
        row["subscription"] or "",
        row["metric"],
        start,
        read_time(late) if late else start,
    )


def _same(name: str, ours: Any, theirs: Any) -> bool:
    """Nothing is False, None or no text; numbers are the same with any zeros."""
    if ours in NOTHING or theirs in NOTHING or name not in NUMBERS:
        return (ours or None) == (theirs or None)
    return Decimal(ours) == Decimal(theirs)


def _summary(row: Row) -> str:
    amount = show(row["amount"])
    return f"quantity {row['quantity']}, amount {amount}, revision {row['revision']}"
