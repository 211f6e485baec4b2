"""Takes Odoo's lifecycle events into the ledger's outbox, each of them once.

Fetch a page of what is pending, put it into the outbox and note the keys in one
transaction, then mark the page in Odoo. Whatever happens in between, nothing is lost
and nobody is told twice: what is not marked is fetched again, and what is noted is only
marked. Events are pending by their state and not by a place that the bridge remembers,
so that one whose transaction commits late is not missed.
"""

from collections import Counter as Tally
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
import structlog
from marshmallow import ValidationError

from ledger.db import CONTENTION, Connection, transaction
from ledger.odoo_events import (
    ServiceAwaited,
    ServiceUnknown,
    bury_event,
    take_event,
)
from odoo_bridge.client import OdooClient
from odoo_bridge.errors import OdooMisconfiguredError
from odoo_bridge.faults import one_line
from schemas.odoo_events import read_event

MODEL: Final = "fusion.billing.webhook"
PAGE_ROWS: Final = 200
MAX_PAGES: Final = 50
"""Of one run; the next one, seconds later, goes on."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class EventReport:
    """How many events are new in the outbox, were there before, and were refused."""

    taken: int = 0
    known: int = 0
    refused: int = 0


@dataclass(frozen=True)
class _Outcome:
    """What became of an event: taken, known, refused (with a reason) or awaited."""

    status: str
    reason: str = ""


def take_events(
    client: OdooClient, database_url: str, now: datetime, page_rows: int = PAGE_ROWS
) -> EventReport:
    """Take what is pending, page by page.

    Safe to repeat, to be killed at any moment, and to run twice at once: see above. An
    event that breaks its schema, or whose service nobody knows, becomes a dead letter,
    is marked as failed in Odoo with the reason, and holds up no other. One whose
    service the next pull may bring stays pending. Raises OdooError and psycopg.Error.
    """
    tally: Tally[str] = Tally()
    after_id = 0
    for _ in range(MAX_PAGES):
        page = _fetch(client, after_id, page_rows)
        if not page:
            break
        with transaction(database_url) as conn, conn.transaction():
            outcomes = {row["key"]: _take(conn, row, now) for row in page}
        # Committed: from here on the events are told, whether Odoo hears of it or not.
        _mark(client, outcomes)
        tally.update(outcome.status for outcome in outcomes.values())
        after_id = page[-1]["id"]
    return EventReport(tally["taken"], tally["known"], tally["refused"])


def _fetch(client: OdooClient, after_id: int, limit: int) -> list[dict[str, Any]]:
    """A page of rows, each with a key, ids rising. Raises OdooMisconfiguredError."""
    page = client.repeat(MODEL, "fetch_events", after_id=after_id, limit=limit)
    try:
        ids = [row["id"] for row in page]
        if ids != sorted(set(ids)) or (ids and ids[0] <= after_id):
            raise ValueError(ids)
        if not all(isinstance(row["key"], str) for row in page):
            raise ValueError("a key that is no text")
    except (KeyError, TypeError, ValueError) as error:
        raise OdooMisconfiguredError(
            "fetch_events answered something else than a page of events; another "
            "version of the addon is installed in Odoo"
        ) from error
    return list(page)


def _take(conn: Connection, row: dict[str, Any], now: datetime) -> _Outcome:
    """Put one event into the outbox, or bury it, in a savepoint of its own."""
    try:
        with conn.transaction():
            new = take_event(conn, read_event(row), now)
        return _Outcome("taken" if new else "known")
    except ServiceAwaited:
        return _Outcome("awaited")
    except CONTENTION:
        return _Outcome("awaited")  # the next run tries it again
    except ValidationError as error:
        reason, detail = "payload_invalid", str(error.messages)
    except ServiceUnknown as error:
        reason, detail = "service_unknown", str(error)
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        reason, detail = "refused", error.diag.message_primary or str(error)
    log.warning("odoo_event_refused", key=row["key"], reason=reason)
    bury_event(conn, row, reason, one_line(detail), now)
    return _Outcome("refused", one_line(f"{reason}: {detail}"))


def _mark(client: OdooClient, outcomes: Mapping[str, _Outcome]) -> None:
    """Tell Odoo; what is awaited stays pending there. Safe to repeat."""
    rows = [
        {
            "key": key,
            "state": "failed" if outcome.status == "refused" else "taken",
            "reason": outcome.reason or False,
        }
        for key, outcome in outcomes.items()
        if outcome.status != "awaited"
    ]
    if rows:
        client.repeat(MODEL, "mark_events", rows=rows)
