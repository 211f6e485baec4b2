"""A subscription as Lago's clients read it, in answers and in webhooks."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ledger.money import to_cents
from ledger.periods import Period, period_at
from ledger.subscriptions import ACTIVE, CANCELED, PENDING, TERMINATED, Subscription
from schemas.timestamps import second_text

_SECOND = timedelta(seconds=1)


def subscription_object(subscription: Subscription, now: datetime) -> dict[str, Any]:
    """Lago's subscription. A period's ``…_ending_at`` is its last second."""
    terms, status = subscription.terms, subscription.status
    period = period_at(terms, now) if status == ACTIVE else None
    over = terms.ended_at if status == TERMINATED else None
    return {
        "lago_id": str(subscription.public_id),
        "external_id": subscription.external_id,
        "lago_customer_id": str(subscription.customer_id),
        "external_customer_id": subscription.customer,
        "name": subscription.name or None,
        "plan_code": subscription.plan,
        "plan_amount_cents": to_cents(subscription.price, subscription.currency),
        "plan_amount_currency": subscription.currency,
        "status": status,
        "billing_time": terms.anchor,
        "timezone": terms.timezone,
        "subscription_at": second_text(terms.started_at),
        "started_at": None
        if status in (PENDING, CANCELED)
        else second_text(terms.started_at),
        "ending_at": None if status == CANCELED else _text(terms.ended_at),
        "terminated_at": _text(over),
        "canceled_at": _text(subscription.canceled_at) if status == CANCELED else None,
        "trial_ended_at": None,
        "created_at": second_text(subscription.created_at),
        "previous_plan_code": subscription.previous_plan,
        "next_plan_code": subscription.next_plan,
        "downgrade_plan_date": _day(subscription, subscription.next_plan_at),
        "current_billing_period_started_at": period and second_text(period.start),
        "current_billing_period_ending_at": period and _last_second(period),
        "on_termination_credit_note": None,
        "on_termination_invoice": "generate",
    }


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else second_text(instant)


def _day(subscription: Subscription, instant: datetime | None) -> str | None:
    """The date that it is then for the subscription."""
    if instant is None:
        return None
    return instant.astimezone(ZoneInfo(subscription.terms.timezone)).date().isoformat()


def _last_second(period: Period) -> str:
    return second_text(period.end - _SECOND)
