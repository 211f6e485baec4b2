"""The event of a threshold: Lago's subscription, and what its usage has reached."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from ledger.billing import Bill
from ledger.db import Connection
from ledger.money import to_cents
from ledger.subscription_object import subscription_object
from ledger.subscriptions import find_subscription
from ledger.telling import tell
from ledger.thresholds import Level
from schemas.timestamps import second_text

EVENT: Final = "subscription.usage_threshold_reached"


@dataclass(frozen=True)
class Reached:
    """A level that a period's usage has reached; ``told``: the app is to hear of it."""

    service_id: int
    bill: Bill
    level: Level
    usage: Decimal
    told: bool


def tell_reached(conn: Connection, reached: Reached, now: datetime) -> None:
    """Tell of it, in the transaction that marks it."""
    if not reached.told:
        return
    found = find_subscription(conn, reached.service_id, reached.bill.subscription, now)
    if found is None:
        return
    told = {**subscription_object(found, now), **_amounts(reached)}
    tell(conn, reached.service_id, EVENT, {"subscription": told}, now)


def _amounts(reached: Reached) -> dict[str, Any]:
    bill, threshold = reached.bill, reached.level.threshold
    return {
        "usage_threshold": {
            "lago_id": threshold.id,
            "amount_cents": to_cents(threshold.amount, bill.currency),
            "recurring": threshold.recurring,
            "threshold_display_name": threshold.name or None,
        },
        "reached_amount_cents": to_cents(reached.level.amount, bill.currency),
        "usage_amount_cents": to_cents(reached.usage, bill.currency),
        "usage_from_datetime": second_text(bill.period.start),
        "usage_currency": bill.currency,
    }
