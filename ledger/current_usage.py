"""What a subscription has used in the open period, and what it would cost now."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from ledger.charge_json import charge_from_json, read_charge
from ledger.db import Connection
from ledger.periods import Period, Terms, period_at
from ledger.queries import load_queries
from ledger.rating import Usage, rate_usage
from ledger.subscribers import find_subscription
from ledger.usage import (
    ChargeUsage,
    PeriodUsage,
    frozen_rating,
    rating_of,
    read_corrections,
)

_SQL = load_queries("current_usage")


class SubscriptionPending(LookupError):
    """The subscription has not started yet, so that no period is open."""


def current_usage(
    conn: Connection,
    service_id: int,
    customer_external_id: str,
    subscription_external_id: str,
    now: datetime,
) -> PeriodUsage:
    """Rate the period that holds ``now``; of an ended subscription, its last period.

    Raises CustomerUnknown, SubscriptionUnknown, SubscriptionPending or ChargeUnratable.
    """
    subscription_id, terms = find_subscription(
        conn, service_id, customer_external_id, subscription_external_id
    )
    period = _period_to_show(terms, now)
    if period is None:
        raise SubscriptionPending(subscription_external_id)
    key = {
        "subscription_id": subscription_id,
        "period_start": period.start,
        "period_end": period.end,
    }
    plan = conn.execute(_SQL["plan"], key).fetchone()
    assert plan is not None  # noqa: S101 - a subscription has a plan at any time
    plan_id, _, currency = plan
    rows = conn.execute(_SQL["charges"], {**key, "plan_id": plan_id})
    charges = tuple(_rate_row(currency, *line) for line in rows)
    corrections = read_corrections(conn, subscription_id, [period.start])
    return PeriodUsage(
        period, terms.timezone, currency, charges, corrections[period.start]
    )


def _period_to_show(terms: Terms, now: datetime) -> Period | None:
    if terms.ended_at is not None and now >= terms.ended_at:
        return period_at(terms, terms.ended_at - timedelta(microseconds=1))
    return period_at(terms, now)


def _rate_row(
    currency: str,
    charge_id: UUID,
    metric_id: UUID,
    code: str,
    name: str,
    aggregation: str,
    quantity: Decimal,
    events: int,
    frozen: dict[str, Any] | None,
    *charge_row: Any,
) -> ChargeUsage:
    used = Usage(quantity, events)
    if frozen is None:
        with rating_of(code):
            charge = read_charge(*charge_row)
            rating = rate_usage(charge, used, currency)
    else:
        charge = charge_from_json(frozen["charge"])
        rating = frozen_rating(frozen)
    return ChargeUsage(
        charge_id,
        charge_row[0],
        metric_id,
        code,
        name,
        aggregation,
        events,
        rating,
        charge,
        used if frozen is None else None,
    )
