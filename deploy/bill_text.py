"""A bill as lines of text, for 80 columns; longer names are never cut.

Texts that others chose are escaped where a terminal would act on them.
"""

import json
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from ledger.charge import ZERO, Charge
from ledger.explained import (
    ExplainedBill,
    ExplainedLine,
    Invoicing,
    Subject,
    TracedCounter,
)
from ledger.periods import Period
from ledger.rating import Correction, Rating
from ledger.working_text import (
    rounding_text,
    slot_terms,
    slot_text,
    step_text,
    true_up_text,
)
from schemas.messages import plain_number

COLUMNS = 80
LABEL = 12


def subject_text(subject: Subject) -> Iterator[str]:
    """Who is billed."""
    yield f"subscription {shown(subject.external_id)} of {subject.service}"
    name = f"{shown(subject.customer)} ({shown(subject.customer_name)})"
    yield _row(2, "customer", name)
    yield _row(2, "timezone", subject.terms.timezone)


def bill_text(subject: Subject, bill: ExplainedBill, now: datetime) -> Iterator[str]:
    """The period, its plan and its state; the lines come after."""
    zone = ZoneInfo(subject.terms.timezone)
    yield f"period {_local(bill.period, zone)}"
    utc = f"{_utc(bill.period.start)} to {_utc(bill.period.end)}"
    yield _row(2, "in UTC", utc)
    yield _row(2, "plan", f"{shown(bill.plan)}, in {bill.currency}")
    yield _row(2, "state", _state(bill, now))
    if bill.seal is not None:
        yield _row(2, "sealed", bill.seal.hex())
    if bill.archived_at is not None:
        yield _row(2, "archived", f"{_utc(bill.archived_at)}, its counters are in")
        yield _row(2, "", shown(bill.file_name or ""))
    if bill.invoicing is not None:
        yield from _invoicing(bill.invoicing)
    if bill.failure is not None:
        yield _row(2, "problem", bill.failure)


def line_text(subject: Subject, line: ExplainedLine) -> Iterator[str]:
    """A line with every step of its working."""
    zone = ZoneInfo(subject.terms.timezone)
    amount = f"{plain_number(line.rating.amount)} {line.currency}"
    title = f"  {shown(line.metric)} ({line.aggregation})"
    yield f"{title}{amount.rjust(max(COLUMNS - len(title), len(amount) + 1))}"
    if line.usage is not None:
        yield _row(4, "corrects", _local(line.usage, zone))
    if isinstance(line.rating, Correction):
        yield from _correction(line, line.rating)
    else:
        yield from _working(4, line, line.quantity, line.rating)
    yield _row(4, "counters", f"{line.counters} came in")


def counter_text(
    bill: ExplainedBill, counter: TracedCounter, zone: ZoneInfo
) -> Iterator[str]:
    """A counter, the item of the batch that brought it, and who took it back."""
    start = bill.period.start
    came, left = counter.entered == start, counter.voided_in == start
    sign = "-" if left and not came else "x" if left else "+"
    yield f"    {sign} {shown(counter.transaction_id)}"
    yield f"      {_utc(counter.occurred_at)}  {_value(counter)}"
    received = "its receipt is not there"
    if counter.received_at is not None:
        received = f"received {_utc(counter.received_at)}, {counter.outcome}"
    yield f"      batch {counter.batch_id} item {counter.item_index}"
    yield f"      {received}"
    if counter.voided_at is not None and counter.voided_in is not None:
        voided = (
            f"voided {_utc(counter.voided_at)} by {shown(counter.voided_by or '')}: "
            f"{shown(counter.reason or '')}"
        )
        if not left:
            day = f"{counter.voided_in.astimezone(zone):%Y-%m-%d}"
            voided += f" (in the bill of the period from {day})"
        yield textwrap.fill(
            voided,
            COLUMNS,
            initial_indent=" " * 6,
            subsequent_indent=" " * 8,
            break_long_words=False,
            break_on_hyphens=False,
        )


COUNTERS_LEGEND = "    (+ came in, - taken back, x came in and was taken back)"


def shown(text: str) -> str:
    """As it is, or quoted and escaped, when it has characters that do not print."""
    return text if text.isprintable() and text else json.dumps(text)


def _state(bill: ExplainedBill, now: datetime) -> str:
    if bill.frozen_at is not None:
        return f"frozen {_utc(bill.frozen_at)}{'' if bill.seal else ', not sealed yet'}"
    grace = _utc(bill.grace_until or bill.period.end)
    if now < bill.period.end:
        return f"open, freezes from {grace} on"
    if bill.grace_until is not None and now < bill.grace_until:
        return f"in grace until {grace}"
    return f"ended, to be frozen since {grace}"


def _invoicing(found: Invoicing) -> Iterator[str]:
    if found.closed_at is None:
        text = "none: frozen while in shadow" if found.status == "shadow" else "waits"
        yield _row(2, "invoice", text)
        for line in _wrapped(found.reason or ""):
            yield _row(2, "", line)
        return
    what = "none, nothing to pay"
    if found.invoice_id is not None:
        what = f"account.move {found.invoice_id} in Odoo"
    yield _row(2, "invoice", f"{what}, {_utc(found.closed_at)}")


def _wrapped(text: str) -> list[str]:
    shown_text = shown(text) if text else ""
    return textwrap.wrap(shown_text, COLUMNS - LABEL - 3, break_on_hyphens=False)


def _correction(line: ExplainedLine, rating: Correction) -> Iterator[str]:
    yield _row(4, "billed", f"{plain_number(rating.before.amount)} {line.currency}")
    yield from _working(6, line, line.base, rating.before)
    yield _row(4, "by now", f"{plain_number(rating.after.amount)} {line.currency}")
    yield from _working(6, line, line.quantity, rating.after)
    yield _row(4, "difference", f"{plain_number(rating.amount)} {line.currency}")


def _working(
    indent: int, line: ExplainedLine, quantity: Decimal, rating: Rating
) -> Iterator[str]:
    charge = line.charge
    yield _row(indent, "quantity", plain_number(quantity))
    if charge is None:
        yield _row(indent, "charge", "none: it costs nothing")
        return
    if charge.rounding != "none":
        how = f"{charge.rounding} to {charge.rounding_precision} digits"
        yield _row(indent, "units", f"{plain_number(rating.units)} ({how})")
    if rating.slots:
        yield from _fees(indent, charge, rating, line.currency)
        return
    yield from _steps(indent, charge, rating, line.currency)


def _fees(indent: int, charge: Charge, rating: Rating, currency: str) -> Iterator[str]:
    for number, slot in enumerate(rating.slots):
        yield _row(indent, "fee", shown(slot_text(slot, number)))
        terms = slot_terms(charge, slot)
        yield _row(indent + 2, "quantity", plain_number(slot.quantity))
        yield from _steps(indent + 2, terms, slot.rating, currency)
    if rating.true_up:
        yield _row(indent, "minimum", true_up_text(charge, rating))
    yield _row(indent, "in all", f"{plain_number(rating.amount)} {currency}")


def _steps(indent: int, charge: Charge, rating: Rating, currency: str) -> Iterator[str]:
    quota = plain_number(charge.included)
    yield _row(indent, "included", f"{plain_number(rating.included)} of {quota}")
    yield _row(indent, "overage", plain_number(rating.overage))
    if not rating.steps:
        yield _row(indent, charge.model, "not billed here")
        return
    for number, step in enumerate(rating.steps):
        yield _row(indent, charge.model, step_text(charge, number, step))
    if rating.true_up:
        yield _row(indent, "minimum", true_up_text(charge, rating))
    yield _row(indent, "rounded", rounding_text(rating, currency))


def _value(counter: TracedCounter) -> str:
    if counter.members is None:
        return f"value {plain_number(counter.value or ZERO)}"
    text = "members " + ", ".join(shown(member) for member in counter.members)
    return textwrap.fill(
        text,
        COLUMNS,
        initial_indent=" " * 28,
        subsequent_indent=" " * 8,
        break_long_words=False,
        break_on_hyphens=False,
    ).lstrip(" ")


def _row(indent: int, label: str, text: str) -> str:
    return f"{' ' * indent}{label.ljust(LABEL)} {text}".rstrip()


def _local(period: Period, zone: ZoneInfo) -> str:
    start, end = (at.astimezone(zone) for at in (period.start, period.end))
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} {zone.key}"


def _utc(instant: datetime) -> str:
    """To the second; with a fraction where it has one."""
    text = instant.astimezone(UTC).replace(tzinfo=None).isoformat()
    return f"{text}Z"
