"""``/events``: an event is a counter, and goes the way of a pushed one."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final

from flask import Response
from marshmallow import ValidationError

from ingest_api.api import current_api
from ingest_api.auth import require_principal
from ingest_api.batch_ids import new_batch_id
from ingest_api.errors import not_found, validation_failed
from ingest_api.lago.events_answer import event_response, events_response
from ingest_api.lago.path_codes import code_in_path
from ingest_api.lago.wrapped import (
    PageQuerySchema,
    page_of,
    read_query,
    read_wrapped,
    read_wrapper,
    refused,
)
from ingest_api.metrics import COUNTERS_ACCEPTED
from ingest_api.publishing import (
    microseconds,
    note_queued,
    publish_batch,
    refuse_when_queue_is_deep,
)
from ingest_api.reads import page_meta
from ingest_api.route import Route
from ledger.events import Event, EventFilter, EventsTooMany, find_event, list_events
from ledger.place import EPOCH
from schemas.lago_events import (
    MAX_EVENTS,
    EventAnswerSchema,
    EventInputSchema,
    EventPageSchema,
    EventRequestSchema,
    EventsAnswerSchema,
    EventsRequestSchema,
)
from schemas.messages import BatchMessage, Counter
from schemas.usage import Text, Timestamp

UNKNOWN: Final = "event_not_found"

_EVENT: Final = EventInputSchema()


class EventQuerySchema(PageQuerySchema):
    """What tells events apart that share a transaction id."""

    external_subscription_id = Text()
    code = Text()


class EventsQuerySchema(EventQuerySchema):
    """Which events to list; both instants belong to them."""

    timestamp_from = Timestamp()
    timestamp_to = Timestamp()


def take_event() -> Response:
    """Take one event: it is stored when it is answered."""
    started = monotonic()
    service_id = require_principal(while_database_away=True).service_id
    refuse_when_queue_is_deep(current_api())
    spent = monotonic() - started
    values = read_wrapped("event", _EVENT)
    (event,) = _take(service_id, [values], monotonic() - spent)
    return event_response(service_id, event)


def take_events() -> Response:
    """Take a batch of events, all of them or none."""
    started = monotonic()
    service_id = require_principal(while_database_away=True).service_id
    refuse_when_queue_is_deep(current_api())
    spent = monotonic() - started
    values = _read_batch()
    events = _take(service_id, values, monotonic() - spent)
    return events_response(service_id, events)


def show_event(transaction_id: str) -> Response:
    """An event that is in the books, or waits for the catalog."""
    service_id = require_principal().service_id
    code_in_path(transaction_id, UNKNOWN)
    wanted = _filter_of(read_query(EventQuerySchema()))
    found = current_api().query(
        lambda conn: find_event(conn, service_id, transaction_id, wanted)
    )
    if found is None:
        raise not_found(UNKNOWN)
    return event_response(service_id, found)


def show_events() -> Response:
    """A page of the service's events."""
    service_id = require_principal().service_id
    values = read_query(EventsQuerySchema())
    page, wanted = page_of(values), _filter_of(values)
    try:
        events, total = current_api().query(
            lambda conn: list_events(conn, service_id, wanted, page.size, page.offset)
        )
    except EventsTooMany as error:
        raise validation_failed(
            {"external_subscription_id": ["value_is_mandatory"]},
            "there are too many events to list at once; name a subscription",
        ) from error
    return events_response(service_id, events, page_meta(page.number, page.size, total))


def _read_batch() -> list[dict[str, Any]]:
    """The values of each event. Raises ApiError 422 with the errors by index."""
    items = read_wrapper("events")
    if not isinstance(items, list):
        items = [items]
    if not items:
        raise validation_failed({"events": ["no_events"]})
    if len(items) > MAX_EVENTS:
        text = f"a batch holds at most {MAX_EVENTS} events"
        raise validation_failed({"events": ["too_many_events"]}, text)
    loaded: list[dict[str, Any]] = []
    errors: dict[str, Any] = {}
    for index, item in enumerate(items):
        try:
            loaded.append(_EVENT.load(item))
        except ValidationError as error:
            errors[str(index)] = error.messages_dict
    if errors:
        raise refused(errors)
    return loaded


def _take(
    service_id: int, values: Sequence[Mapping[str, Any]], started: float
) -> list[Event]:
    """Publish events as one batch; they are answered as they were taken."""
    api, now = current_api(), datetime.now(UTC)
    counters = tuple(
        _counter(index, event, microseconds(now)) for index, event in enumerate(values)
    )
    message = BatchMessage(
        batch_id=new_batch_id(microseconds(now)),
        service_id=service_id,
        received_at_us=microseconds(now),
        received=len(counters),
        counters=counters,
        rejections=(),
    )
    publish_batch(api, message, started)
    COUNTERS_ACCEPTED.inc(len(counters))
    note_queued(api, message)
    return [
        Event(
            counter.transaction_id,
            counter.external_subscription_id,
            counter.code,
            _instant(counter.timestamp_us),
            counter.properties,
            received_at=now,
        )
        for counter in counters
    ]


def _counter(index: int, event: Mapping[str, Any], now_us: int) -> Counter:
    """Its value is among the properties. They are never none: that marks an event."""
    return Counter(
        index=index,
        transaction_id=event["transaction_id"],
        external_subscription_id=event["external_subscription_id"],
        code=event["code"],
        timestamp_us=event.get("timestamp", now_us),
        value=None,
        members=None,
        properties=event.get("properties", "{}"),
        timestamp_given="timestamp" in event,
    )


def _filter_of(values: Mapping[str, Any]) -> EventFilter:
    first, last = values.get("timestamp_from"), values.get("timestamp_to")
    return EventFilter(
        values.get("external_subscription_id"),
        values.get("code"),
        None if first is None else _instant(first),
        None if last is None else _instant(last),
    )


def _instant(timestamp_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=timestamp_us)


_CHANGES: Final = (400, 401, 408, 413, 415, 422, 429, 503)

ROUTES: Final = (
    Route(
        method="POST",
        path="/events",
        name="take_event",
        view=take_event,
        summary="Send an event: a counter with its value among the properties",
        answers={200: EventAnswerSchema},
        errors=_CHANGES,
        body=EventRequestSchema,
    ),
    Route(
        method="POST",
        path="/events/batch",
        name="take_events",
        view=take_events,
        summary="Send a batch of events, taken as a whole",
        answers={200: EventsAnswerSchema},
        errors=_CHANGES,
        body=EventsRequestSchema,
    ),
    Route(
        method="GET",
        path="/events",
        name="show_events",
        view=show_events,
        summary="The events, the newest first",
        answers={200: EventPageSchema},
        errors=(401, 422, 429, 503),
        query=EventsQuerySchema,
    ),
    Route(
        method="GET",
        path="/events/<path:transaction_id>",
        name="show_event",
        view=show_event,
        summary="An event that is in the books, or waits for the catalog",
        answers={200: EventAnswerSchema},
        errors=(401, 404, 422, 429, 503),
        query=EventQuerySchema,
    ),
)
