"""Events in the shape that Lago's clients read."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from flask import Response

from ledger.events import Event
from schemas.timestamps import utc_text

_NAMESPACE: Final = UUID("6f1d4b2e-8c57-4d0b-9a35-2f6f0b7f5e11")
"""Any constant that only events use."""


def event_response(service_id: int, event: Event) -> Response:
    """One event in its wrapper."""
    return _response(f'{{"event":{_event(service_id, event)}}}')


def events_response(
    service_id: int, events: Iterable[Event], meta: Mapping[str, Any] | None = None
) -> Response:
    """Events in their wrapper, as a page of a list with its meta."""
    texts = ",".join(_event(service_id, event) for event in events)
    more = "" if meta is None else f',"meta":{json.dumps(meta)}'
    return _response(f'{{"events":[{texts}]{more}}}')


def event_id(service_id: int, event: Event) -> UUID:
    """The same for an event whenever it is asked for: it follows from its identity."""
    names = [event.external_subscription_id, event.code, event.transaction_id]
    return uuid5(_NAMESPACE, json.dumps([service_id, *names]))


def _event(service_id: int, event: Event) -> str:
    """As JSON; properties as their own text, so that no number becomes a float."""
    known = {
        "lago_id": str(event_id(service_id, event)),
        "transaction_id": event.transaction_id,
        "lago_customer_id": event.customer_id and str(event.customer_id),
        "lago_subscription_id": event.subscription_id and str(event.subscription_id),
        "external_subscription_id": event.external_subscription_id,
        "code": event.code,
        "timestamp": _milliseconds(event.occurred_at),
        "precise_total_amount_cents": None,
        "created_at": event.received_at and utc_text(event.received_at),
    }
    text = json.dumps(known).removesuffix("}")
    return f'{text}, "properties": {event.properties or "{}"}}}'


def _milliseconds(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _response(body: str) -> Response:
    return Response(body + "\n", mimetype="application/json")
