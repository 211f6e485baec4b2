"""Odoo's lifecycle events on their way into the outbox, each of them once."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from ledger.billed_events import complete_event
from ledger.db import Connection
from ledger.dead_letters import DeadLetter, bury
from ledger.known_records import complete_record
from ledger.outbox import enqueue_event
from ledger.queries import load_queries
from ledger.told_subscriptions import is_news
from schemas.odoo_events import EventRow

KIND: Final = "odoo_event"
"""Of dead letters."""
PULL_GRACE: Final = timedelta(minutes=1)
"""A pull that began before the event may end after it; and clocks differ."""

_SQL = load_queries("odoo_events")


class ServiceUnknown(LookupError):
    """The ledger has not got the event's service, although it has looked since."""


class ServiceAwaited(LookupError):
    """The ledger has not got it yet: no pull has ended since the event came about."""


def take_event(conn: Connection, event: EventRow, now: datetime) -> bool:
    """Put an event into the outbox; False when the app has been told of it before, or
    has deleted the customer that it is about.

    Safe to repeat, and to run twice at once: the key is noted in the transaction of
    the outbox's message. Raises ServiceUnknown and ServiceAwaited.
    """
    found = conn.execute(_SQL["service_of"], {"code": event.service}).fetchone()
    if found is None:
        raise _unknown(conn, event)
    own = event.data.get("subscription")
    values = {"key": event.key, "type": event.type, "service_id": found[0], "now": now}
    if conn.execute(_SQL["note_event"], values).fetchone() is None:
        return False
    if own is not None and not is_news(conn, found[0], event.type, own, now):
        return False
    if _is_deleted(conn, found[0], event.data.get("customer")):
        return False
    data = complete_event(conn, found[0], event, now)
    data = complete_record(conn, found[0], data, now)
    enqueue_event(conn, found[0], event.type, data, now)
    return True


def bury_event(
    conn: Connection, row: Mapping[str, Any], reason: str, detail: str, now: datetime
) -> None:
    """Keep an event that cannot go on, as it came. Safe to repeat: one row per key."""
    code = {"code": str(row.get("service"))}
    found = conn.execute(_SQL["service_of"], code).fetchone()
    service_id = None if found is None else found[0]
    bury(conn, DeadLetter(KIND, service_id, row["key"], row, reason, detail, 1), now)


def _is_deleted(
    conn: Connection, service_id: int, customer: Mapping[str, Any] | None
) -> bool:
    if customer is None:
        return False
    key = {"service_id": service_id, "external_id": customer["external_id"]}
    return conn.execute(_SQL["is_deleted"], key).fetchone() is not None


def _unknown(conn: Connection, event: EventRow) -> LookupError:
    values = {"moment": event.created_at + PULL_GRACE}
    pulled = conn.execute(_SQL["pulled_since"], values).fetchone()
    name = f"service {event.service!r} is not known to the ledger"
    if pulled is not None and pulled[0]:
        return ServiceUnknown(name)
    return ServiceAwaited(f"{name} yet")
