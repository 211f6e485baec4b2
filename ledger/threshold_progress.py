"""How far a period's usage is on its way to each threshold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from ledger.billing import Bill
from ledger.db import Connection
from ledger.money import EXACT
from ledger.open_bills import amount_of
from ledger.queries import load_queries
from ledger.thresholds import MOST_LEVELS, Threshold, next_level, read_thresholds

STEP: Final = Decimal("0.0001")

_SQL = load_queries("threshold_check")


@dataclass(frozen=True)
class Progress:
    """``ratio``: from 0 to 1, which it is when the amount is reached and not before."""

    amount: Decimal
    ratio: Decimal
    reached_at: datetime | None


def threshold_progress(conn: Connection, bill: Bill) -> list[Progress]:
    """Each threshold of the bill's plan, the lowest first.

    Of a recurring one the levels that were reached, the highest MOST_LEVELS of them,
    and the next. A plan's thresholds that are none are left out.
    """
    found = conn.execute(_SQL["thresholds"], {"plan_id": bill.plan_id}).fetchone()
    try:
        thresholds = read_thresholds(found[0]) if found else ()
    except (ArithmeticError, KeyError, TypeError):
        return []
    if not thresholds:
        return []
    key = {
        "subscription_id": bill.subscription_id,
        "period_start": bill.period.start,
    }
    reached = {
        (threshold_id, level): reached_at
        for threshold_id, level, reached_at in conn.execute(_SQL["reached_in"], key)
    }
    usage = amount_of(bill, bill.currency)
    return sorted(
        (
            Progress(level, ratio_of(usage, level), reached.get((one.id, level)))
            for one in thresholds
            for level in _levels(one, thresholds, usage, reached)
        ),
        key=lambda progress: progress.amount,
    )


def ratio_of(usage: Decimal, level: Decimal) -> Decimal:
    """How much of the level is used, in steps of STEP."""
    ratio = EXACT.divide(min(max(usage, Decimal(0)), level), level)
    return ratio.quantize(STEP, ROUND_FLOOR, context=EXACT)


def _levels(
    one: Threshold,
    thresholds: Sequence[Threshold],
    usage: Decimal,
    reached: Mapping[tuple[str, Decimal], datetime],
) -> list[Decimal]:
    if not one.recurring:
        return [one.amount]
    levels = sorted(level for name, level in reached if name == one.id)
    upcoming = next_level(one, thresholds, usage)
    return sorted({*levels[-MOST_LEVELS:], upcoming})
