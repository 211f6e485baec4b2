"""Entitlements: what a subscription may do, which its app says and nobody bills."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ledger.db import Connection
from ledger.queries import load_queries
from ledger.subscriptions import ACTIVE, PENDING, Subscription, find_subscription

MAX_FEATURES: Final = 200
MAX_PRIVILEGES: Final = 200
"""Of a feature."""

Value = str | int | bool
Features = Mapping[str, Mapping[str, Value]]
"""Privileges and their values, by feature."""

_SQL = load_queries("entitlements")


class SubscriptionUnknown(LookupError):
    """The service has no such subscription that is active or to come."""


class EntitlementUnknown(LookupError):
    """The subscription has not got the feature, or the feature not the privilege."""


class TooMany(ValueError):
    """More features or privileges than a subscription may have; says which."""


@dataclass(frozen=True)
class Place:
    """Whose entitlements: a service's subscription, as it is at an instant."""

    service_id: int
    external_id: str
    now: datetime


def read_entitlements(conn: Connection, place: Place) -> Features:
    """All that the subscription may do. Raises SubscriptionUnknown."""
    return _read(conn, _find(conn, place))


def grant(conn: Connection, place: Place, features: Features) -> Features:
    """Add features, and privileges to those that there are; answers all.

    Safe to repeat. Raises SubscriptionUnknown and TooMany.
    """
    found = _find(conn, place)
    key = {"subscription_id": found.id, "now": place.now}
    conn.execute(_SQL["lock_subscription"], key)
    for feature in sorted(features):
        named = {**key, "feature": feature}
        privileges = json.dumps(features[feature])
        conn.execute(_SQL["write_entitlement"], {**named, "privileges": privileges})
    after = _read(conn, found)
    if len(after) > MAX_FEATURES:
        raise TooMany(f"a subscription has at most {MAX_FEATURES} features")
    if any(len(privileges) > MAX_PRIVILEGES for privileges in after.values()):
        raise TooMany(f"a feature has at most {MAX_PRIVILEGES} privileges")
    return after


def revoke(
    conn: Connection, place: Place, feature: str, privilege: str | None = None
) -> Features:
    """Take a feature away, or one privilege of it; answers what is left.

    Raises SubscriptionUnknown and EntitlementUnknown.
    """
    found = _find(conn, place)
    key = {"subscription_id": found.id, "feature": feature, "now": place.now}
    query = "delete_entitlement" if privilege is None else "delete_privilege"
    if not conn.execute(_SQL[query], {**key, "privilege": privilege}).rowcount:
        raise EntitlementUnknown(feature)
    return _read(conn, found)


def _find(conn: Connection, place: Place) -> Subscription:
    found = find_subscription(conn, place.service_id, place.external_id, place.now)
    if found is None or found.status not in (ACTIVE, PENDING):
        raise SubscriptionUnknown(place.external_id)
    return found


def _read(conn: Connection, subscription: Subscription) -> Features:
    key = {"subscription_id": subscription.id}
    return dict(conn.execute(_SQL["entitlements"], key).fetchall())
