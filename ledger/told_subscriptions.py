"""What an app is told of its subscriptions: each change once, whoever tells it first.

A subscription that an app made or changed is the ledger's to tell of, in the change's
own transaction, or when its start or end has come. Odoo tells what it does with it as
well, of what it was sent too: what the app has been told already is passed over.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from ledger.db import Connection
from ledger.queries import load_queries
from ledger.subscription_object import subscription_object
from ledger.subscriptions import (
    ACTIVE,
    PENDING,
    TERMINATED,
    Subscription,
    find_subscription,
)
from ledger.telling import tell

STARTED: Final = "subscription.started"
UPDATED: Final = "subscription.updated"
ENDED: Final = "subscription.terminated"

_TERMS: Final = (
    "external_customer_id",
    "plan_code",
    "billing_time",
    "timezone",
    "ending_at",
)
_SQL = load_queries("told_subscriptions")


def tell_subscription(
    conn: Connection,
    service_id: int,
    subscription: Subscription,
    event_type: str | None,
    now: datetime,
) -> None:
    """Note how the subscription stands, and tell of it if there is an event."""
    told = subscription_object(subscription, now)
    terms = _terms(told, told["subscription_at"])
    status = {"subscription_id": subscription.id, "status": subscription.status}
    conn.execute(_SQL["note_told"], {**status, "terms": json.dumps(terms)})
    if event_type is not None:
        tell(conn, service_id, event_type, {"subscription": told}, now)


def tell_change(
    conn: Connection, service_id: int, external_id: str, event: str, now: datetime
) -> Subscription:
    """Tell of the subscription as it is by now; answers it."""
    found = find_subscription(conn, service_id, external_id, now)
    assert found is not None  # noqa: S101 - the caller has its lock, and has found it
    tell_subscription(conn, service_id, found, event, now)
    return found


def is_news(
    conn: Connection,
    service_id: int,
    event_type: str,
    told: Mapping[str, Any],
    now: datetime,
) -> bool:
    """Whether Odoo's event tells what the app has not been told; notes it if so.

    An app's subscription starts when its start has come, not when it is confirmed.
    """
    key = {"service_id": service_id, "external_id": told["external_id"]}
    found = conn.execute(_SQL["told"], key).fetchone()
    if found is None:
        return True
    subscription_id, status, terms = found
    after = _terms(told, told["started_at"])
    starts_at = told["started_at"] and datetime.fromisoformat(told["started_at"])
    if event_type == STARTED:
        awaited = status == PENDING and starts_at is not None and starts_at > now
        news, status = status != ACTIVE and not awaited, ACTIVE
    elif event_type == ENDED:
        news, status = status in (PENDING, ACTIVE), TERMINATED
    else:
        news = after != terms
    if news:
        values = {"subscription_id": subscription_id, "status": status}
        conn.execute(_SQL["note_told"], {**values, "terms": json.dumps(after)})
    return news


def _terms(told: Mapping[str, Any], started_at: str | None) -> dict[str, Any]:
    """What Odoo tells of as well, and what makes it another subscription."""
    return {"started_at": started_at, **{name: told[name] for name in _TERMS}}
