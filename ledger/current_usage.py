"""What a subscription has used in the open period, and what it would cost now."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from ledger.billing import read_charge
from ledger.db import Connection
from ledger.periods import Period, Terms, period_at
from ledger.queries import load_queries
from ledger.rating import Correction, Rating, rate_correction, rate_usage
from ledger.terms import read_terms
from ledger.working import charge_from_json, line_from_json

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
class CorrectionUsage:
    """What an earlier, frozen period comes to by now, beside what it was billed at."""

    usage: Period
    metric_id: UUID
    metric_code: str
    metric_name: str
    aggregation: str
    events: int
    currency: str
    rating: Correction


@dataclass(frozen=True)
class CurrentUsage:
    """The open period, rated. ``amount`` is the sum of the rounded lines."""

    period: Period
    timezone: str
    currency: str
    charges: tuple[ChargeUsage, ...]
    corrections: tuple[CorrectionUsage, ...]

    @property
    def amount(self) -> Decimal:
        """In whole units of the period's currency, before tax, with its corrections."""
        lines = [usage.rating.amount for usage in self.charges]
        lines += [
            correction.rating.amount
            for correction in self.corrections
            if correction.currency == self.currency
        ]
        return sum(lines, Decimal(0))


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
    subscription_id, *terms_row = row
    terms = read_terms(*terms_row)
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
    corrections = tuple(
        _correct_row(*line) for line in conn.execute(_SQL["corrections"], key)
    )
    return CurrentUsage(period, terms.timezone, currency, charges, corrections)


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
    if frozen is None:
        rating = rate_usage(read_charge(*charge_row), quantity, currency)
    else:
        line = line_from_json(frozen)
        assert isinstance(line, Rating)  # noqa: S101 - no correction
        rating = line
    return ChargeUsage(
        charge_id, charge_row[0], metric_id, code, name, aggregation, events, rating
    )


def _correct_row(
    usage_start: datetime,
    usage_end: datetime,
    metric_id: UUID,
    code: str,
    name: str,
    aggregation: str,
    events: int,
    currency: str,
    frozen: dict[str, Any] | None,
    base: Decimal,
    quantity: Decimal,
    stored_charge: dict[str, Any] | None,
) -> CorrectionUsage:
    if frozen is None:
        charge = charge_from_json(stored_charge)
        rating = rate_correction(charge, base, quantity, currency)
    else:
        line = line_from_json(frozen)
        assert isinstance(line, Correction)  # noqa: S101 - its row is a correction's
        rating = line
    return CorrectionUsage(
        Period(usage_start, usage_end),
        metric_id,
        code,
        name,
        aggregation,
        events,
        currency,
        rating,
    )
