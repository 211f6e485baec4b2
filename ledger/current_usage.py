"""What a subscription has used in the open period, and what it would cost now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from ledger.db import Connection
from ledger.periods import Period, Terms, period_at
from ledger.queries import load_queries
from ledger.rating import Charge, Rating, Tier, rate_usage

_SQL = load_queries("current_usage")


class CustomerUnknown(LookupError):
    """The service has no such customer."""


class SubscriptionUnknown(LookupError):
    """The customer has no such subscription."""


class SubscriptionPending(LookupError):
    """The subscription has not started yet, so that no period is open."""


@dataclass(frozen=True)
class ChargeUsage:
    """One charge's usage in the period; ``events`` is how many counters it folds."""

    charge_id: UUID
    model: str
    metric_id: UUID
    metric_code: str
    metric_name: str
    aggregation: str
    events: int
    rating: Rating


@dataclass(frozen=True)
class CurrentUsage:
    """The open period, rated. ``amount`` is the sum of the rounded lines."""

    period: Period
    timezone: str
    currency: str
    charges: tuple[ChargeUsage, ...]

    @property
    def amount(self) -> Decimal:
        """In whole currency units, before tax."""
        return sum((usage.rating.amount for usage in self.charges), Decimal(0))


def current_usage(
    conn: Connection,
    service_id: int,
    customer_external_id: str,
    subscription_external_id: str,
    now: datetime,
) -> CurrentUsage:
    """Rate the period that holds ``now``; of an ended subscription, its last period.

    Raises CustomerUnknown, SubscriptionUnknown or SubscriptionPending.
    """
    customer = conn.execute(
        _SQL["customer"],
        {"service_id": service_id, "external_id": customer_external_id},
    ).fetchone()
    if customer is None:
        raise CustomerUnknown(customer_external_id)
    row = conn.execute(
        _SQL["subscription"],
        {
            "service_id": service_id,
            "customer_id": customer[0],
            "external_id": subscription_external_id,
        },
    ).fetchone()
    if row is None:
        raise SubscriptionUnknown(subscription_external_id)
    subscription_id, plan_id, *terms_row, currency = row
    terms = Terms(*terms_row)
    period = _period_to_show(terms, now)
    if period is None:
        raise SubscriptionPending(subscription_external_id)
    rows = conn.execute(
        _SQL["charges"],
        {
            "subscription_id": subscription_id,
            "plan_id": plan_id,
            "period_start": period.start,
        },
    )
    charges = tuple(_rate_row(line, currency) for line in rows)
    return CurrentUsage(period, terms.timezone, currency, charges)


def read_charge(
    model: str,
    included: Decimal,
    price: Decimal,
    package_size: Decimal | None,
    tiers: list[dict[str, Any]],
) -> Charge:
    """A charge as the table stores it; its tiers' numbers are decimal strings."""
    return Charge(
        model=model,
        included=included,
        price=price,
        package_size=package_size,
        tiers=tuple(
            Tier(
                up_to=None if tier["up_to"] is None else Decimal(tier["up_to"]),
                unit_price=Decimal(tier["unit_price"]),
                flat_price=Decimal(tier["flat_price"]),
            )
            for tier in tiers
        ),
    )


def _period_to_show(terms: Terms, now: datetime) -> Period | None:
    if terms.ended_at is not None and now >= terms.ended_at:
        return period_at(terms, terms.ended_at - timedelta(microseconds=1))
    return period_at(terms, now)


def _rate_row(row: tuple[Any, ...], currency: str) -> ChargeUsage:
    charge_id, *charge_row, metric_id, code, name, aggregation, units, events = row
    return ChargeUsage(
        charge_id=charge_id,
        model=charge_row[0],
        metric_id=metric_id,
        metric_code=code,
        metric_name=name,
        aggregation=aggregation,
        events=events,
        rating=rate_usage(read_charge(*charge_row), units, currency),
    )
