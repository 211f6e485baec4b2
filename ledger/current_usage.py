"""What a subscription has used in the open period, and what it would cost now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ledger.charge import Charge
from ledger.charge_json import charge_from_json, read_charge
from ledger.db import Connection
from ledger.parts import Line, read_usages
from ledger.periods import Period, Terms, period_at
from ledger.queries import load_queries
from ledger.rating import Usage, rate_usage
from ledger.subscribers import find_subscription
from ledger.unrated import rating_of
from ledger.usage import ChargeUsage, PeriodUsage, frozen_rating, read_corrections

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
    drafts = list(_read_charges(conn, key, plan_id))
    usages = read_usages(conn, [draft.line for draft in drafts])
    charges = tuple(
        _rate(draft, usage, currency)
        for draft, usage in zip(drafts, usages, strict=True)
    )
    corrections = read_corrections(conn, subscription_id, [period.start])
    return PeriodUsage(
        period, terms.timezone, currency, charges, corrections[period.start]
    )


def _period_to_show(terms: Terms, now: datetime) -> Period | None:
    if terms.ended_at is not None and now >= terms.ended_at:
        return period_at(terms, terms.ended_at - timedelta(microseconds=1))
    return period_at(terms, now)


@dataclass(frozen=True)
class _Draft:
    """A charge to be rated, unless the period is frozen."""

    line: Line
    charge: Charge
    charge_id: UUID
    metric_id: UUID
    code: str
    name: str
    frozen: dict[str, Any] | None


def _read_charges(
    conn: Connection, key: dict[str, Any], plan_id: int
) -> Iterator[_Draft]:
    start = key["period_start"]
    for charge_id, metric_key, metric_id, code, name, aggregation, *row in conn.execute(
        _SQL["charges"], {**key, "plan_id": plan_id}
    ):
        quantity, counters, frozen, *charge_row = row
        with rating_of(code):
            charge = read_charge(*charge_row)
        assert charge is not None  # noqa: S101 - a charge's row has a model
        rated = charge if frozen is None else None
        place = (key["subscription_id"], metric_key, start, start)
        line = Line(*place, aggregation, quantity, counters, rated)
        yield _Draft(line, charge, charge_id, metric_id, code, name, frozen)


def _rate(draft: _Draft, usage: Usage, currency: str) -> ChargeUsage:
    charge: Charge | None = draft.charge
    with rating_of(draft.code):
        if draft.frozen is None:
            rating = rate_usage(charge, usage, currency)
        else:
            rating = frozen_rating(draft.frozen)
            charge = charge_from_json(draft.frozen["charge"])
    return ChargeUsage(
        draft.charge_id,
        draft.charge.model,
        draft.metric_id,
        draft.code,
        draft.name,
        draft.line.aggregation,
        draft.line.counters,
        rating,
        charge,
        usage if draft.frozen is None else None,
    )
