"""Subscriptions as apps write them by Lago's names: each change is told with itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from ledger.app_customers import need_customer
from ledger.db import Connection
from ledger.holding import SUBSCRIPTION, lock_record
from ledger.local_changes import save_subscription
from ledger.periods import period_at
from ledger.plan_changes import (
    begin_planned,
    forget_change,
    plan_change,
    yearly_price,
)
from ledger.queries import load_queries
from ledger.subscriptions import (
    ACTIVE,
    CANCELED,
    PENDING,
    TERMINATED,
    Subscription,
    find_subscription,
)
from ledger.told_subscriptions import (
    STARTED,
    UPDATED,
    tell_change,
    tell_subscription,
)
from schemas.lago_customers import DEFAULT_TIMEZONE

_SECOND: Final = timedelta(seconds=1)
_SQL = load_queries("subscriptions")


class PlanUnknown(LookupError):
    """The service has no such plan, or has it for nobody new."""


class NameTaken(ValueError):
    """The subscription is another customer's, or has ended; says which."""


class InstantRefused(ValueError):
    """A start or end that the subscription cannot have; says why."""


@dataclass(frozen=True)
class SubscriptionInput:
    """What an app gave of a subscription.

    ``values`` has of name, anchor, started_at and ended_at what was given; an end of
    None lifts it.
    """

    external_id: str
    customer: str
    plan: str
    values: Mapping[str, Any]


def put_subscription(
    conn: Connection, service: tuple[int, str], given: SubscriptionInput, now: datetime
) -> Subscription:
    """Make a subscription, or change the plan of the one that there is.

    ``service``: its key and code. A customer that there is not is made. A dearer plan
    begins now, and so does one of the same price; a cheaper one when the period ends.
    The same plan again changes nothing. Raises PlanUnknown, NameTaken and
    InstantRefused.
    """
    service_id, code = service
    key = {"service_id": service_id, "plan": given.plan}
    wanted = conn.execute(_SQL["plan"], key).fetchone()
    if wanted is None:
        raise PlanUnknown(given.plan)
    customer = need_customer(conn, service, given.customer, now)
    lock_record(conn, SUBSCRIPTION, code, given.external_id)
    found = find_subscription(conn, service_id, given.external_id, now)
    archived, *price = wanted
    if archived and (found is None or found.plan != given.plan):
        raise PlanUnknown(given.plan)
    if found is None or _can_be_made_anew(found):
        zone = customer.profile.get("timezone") or DEFAULT_TIMEZONE
        return _make(conn, service_id, given, found, zone, now)
    if found.status in (TERMINATED, CANCELED):
        raise NameTaken("has ended, and cannot begin again; give the next another id")
    if found.customer != given.customer:
        raise NameTaken("is the subscription of another customer")
    found = begin_planned(conn, service, found, now)
    if found.plan == given.plan:
        return found
    dearer = yearly_price(*price) >= yearly_price(found.price, found.plan_interval)
    named = _write_name(conn, found.id, given.values, now)
    if found.status == PENDING or dearer:
        forget_change(conn, found.id)
        plan = {"plan": given.plan}
        save_subscription(conn, service_id, given.external_id, plan, now)
    else:
        period = period_at(found.terms, now)
        assert period is not None  # noqa: S101 - it is active
        as_planned = (given.plan, period.end)
        if (found.next_plan, found.next_plan_at) == as_planned and not named:
            return found
        plan_change(conn, found.id, *as_planned, now)
    return tell_change(conn, service_id, given.external_id, UPDATED, now)


def update_subscription(
    conn: Connection,
    service: tuple[int, str],
    external_id: str,
    values: Mapping[str, Any],
    now: datetime,
) -> Subscription | None:
    """Change name and end, and of one that is pending the start.

    None: no subscription of that name is active or pending. Safe to repeat: what is as
    it was is neither told nor sent again. Raises InstantRefused.
    """
    lock_record(conn, SUBSCRIPTION, service[1], external_id)
    found = find_subscription(conn, service[0], external_id, now)
    if found is None or found.status not in (ACTIVE, PENDING):
        return None
    fields = ["ended_at", "started_at"] if found.status == PENDING else ["ended_at"]
    terms = {name: values[name] for name in fields if name in values}
    start = terms.get("started_at", found.terms.started_at)
    if terms:
        _check_end(terms.get("ended_at", found.terms.ended_at), start, now)
    saved = save_subscription(conn, service[0], external_id, terms, now)
    renamed = _write_name(conn, found.id, values, now)
    if not saved.changed and not renamed:
        return found
    after = find_subscription(conn, service[0], external_id, now)
    started = after is not None and after.status != found.status
    event = STARTED if started else UPDATED
    return tell_change(conn, service[0], external_id, event, now)


def _can_be_made_anew(found: Subscription) -> bool:
    """Whether it never began, so that no usage and no bill knows it."""
    return found.status == CANCELED and found.terms.frozen_until is None


def _make(
    conn: Connection,
    service_id: int,
    given: SubscriptionInput,
    canceled: Subscription | None,
    zone: str,
    now: datetime,
) -> Subscription:
    values = {
        "customer": given.customer,
        "plan": given.plan,
        "started_at": given.values.get("started_at", now),
        "ended_at": given.values.get("ended_at"),
        "anchor": given.values.get("anchor", "calendar"),
        "timezone": zone,
    }
    _check_end(values["ended_at"], values["started_at"], now)
    saved = save_subscription(conn, service_id, given.external_id, values, now)
    if canceled is not None:
        conn.execute(_SQL["write_canceled"], {"id": canceled.id, "canceled_at": None})
    _write_name(conn, saved.record_id, {"name": "", **given.values}, now)
    made = find_subscription(conn, service_id, given.external_id, now)
    assert made is not None  # noqa: S101 - written a statement ago
    event = STARTED if made.status == ACTIVE else None
    tell_subscription(conn, service_id, made, event, now)
    return made


def _check_end(end: datetime | None, start: datetime, now: datetime) -> None:
    if end is not None and end <= max(start, now) + _SECOND:
        raise InstantRefused("must lie after the start, and after now")


def _write_name(
    conn: Connection, key: int, values: Mapping[str, Any], now: datetime
) -> bool:
    if "name" not in values:
        return False
    named = {"id": key, "name": values["name"], "now": now}
    return conn.execute(_SQL["write_name"], named).rowcount > 0
