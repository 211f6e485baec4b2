"""What one more event would add to a bill, kept nowhere.

The event is folded as any other, in a transaction that is always rolled back: so an
estimate cannot differ from what the same event costs when it is pushed.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from ledger.current_usage import current_usage
from ledger.db import Connection
from ledger.fold import fold_items
from ledger.money import EXACT
from ledger.place import AFTER_END, BEFORE_START, UNKNOWN_METRIC, Arrival
from ledger.queries import load_queries
from ledger.rating import Slot
from ledger.subscribers import SubscriptionUnknown
from ledger.usage import ChargeUsage, PeriodUsage
from schemas.messages import Counter

TRIES: Final = 5

_SQL = load_queries("estimating")


class EventMetricUnknown(LookupError):
    """The service has no metric of the event's code."""


class EventRejected(ValueError):
    """The event would never count; the text is the reason's code."""


class EstimateOvertaken(RuntimeError):
    """Other usage of the metric was folded beside each of TRIES looks."""


@dataclass(frozen=True)
class Estimate:
    """The charge's usage with the event, and the differences that it makes.

    ``amount`` is in whole units of the currency; below 0 where more units cost less.
    ``slot``: the fee of a charge by parts that the event falls into.
    """

    customer: str
    customer_id: UUID
    usage: PeriodUsage
    charge: ChargeUsage
    units: Decimal
    amount: Decimal
    slot: Slot | None


def estimate_event(
    conn: Connection, service_id: int, counter: Counter, now: datetime
) -> Estimate | None:
    """What the counter would add now; None: the plan charges nothing for its metric.

    Its transaction_id must be one that was never pushed. Raises SubscriptionUnknown,
    also when the subscription is not active, EventMetricUnknown, EventRejected or
    EstimateOvertaken.
    """
    subscription = counter.external_subscription_id
    names = {"service_id": service_id, "external_id": subscription}
    customer = conn.execute(_SQL["subscriber"], names).fetchone()
    if customer is None:
        raise SubscriptionUnknown(subscription)
    for _ in range(TRIES):
        before, usage = _try(conn, service_id, customer[0], counter, now)
        after = _charge(usage, counter.code)
        if before is None or after is None or after.events == before.events + 1:
            break
    else:
        raise EstimateOvertaken(counter.code)
    if before is None or after is None:
        return None
    return Estimate(
        customer=customer[0],
        customer_id=customer[1],
        usage=usage,
        charge=after,
        units=EXACT.subtract(after.rating.units, before.rating.units),
        amount=EXACT.subtract(after.rating.amount, before.rating.amount),
        slot=_grown_slot(before, after),
    )


def _try(
    conn: Connection, service_id: int, customer: str, counter: Counter, now: datetime
) -> tuple[ChargeUsage | None, PeriodUsage]:
    """The charge's usage without the event, and all usage with it. What others commit
    between the two looks is in the second alone."""
    arguments = (conn, service_id, customer, counter.external_subscription_id, now)
    with conn.transaction(force_rollback=True):
        before = _charge(current_usage(*arguments), counter.code)
        _fold(conn, service_id, counter, now)
        return before, current_usage(*arguments)


def _fold(conn: Connection, service_id: int, counter: Counter, now: datetime) -> None:
    arrival = Arrival(str(UUID(int=0)), counter)
    outcome = fold_items(conn, service_id, [arrival], now, parking=False)[arrival.key]
    if outcome.outcome == "applied":
        return
    if outcome.reason == UNKNOWN_METRIC:
        raise EventMetricUnknown(counter.code)
    if outcome.outcome != "rejected" or outcome.reason in (BEFORE_START, AFTER_END):
        raise SubscriptionUnknown(counter.external_subscription_id)
    raise EventRejected(outcome.reason or "value_is_invalid")


def _charge(usage: PeriodUsage, code: str) -> ChargeUsage | None:
    return next((each for each in usage.charges if each.metric_code == code), None)


def _grown_slot(before: ChargeUsage, after: ChargeUsage) -> Slot | None:
    events = {_name(slot): slot.events for slot in before.rating.slots}
    for slot in after.rating.slots:
        if slot.events > events.get(_name(slot), 0):
            return slot
    return None


def _name(slot: Slot) -> tuple[object, ...]:
    return slot.filter_id, *sorted(slot.group.items(), key=str)
