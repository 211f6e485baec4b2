"""``POST /events/estimate_fees``: what an event would cost, and nothing is kept."""

from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from flask import Response, jsonify

from ingest_api.api import current_api
from ingest_api.auth import require_principal
from ingest_api.changes import BooksBusy
from ingest_api.errors import books_busy, not_found, validation_failed
from ingest_api.lago.estimate_fees_answer import fee_answer
from ingest_api.lago.wrapped import read_wrapped
from ingest_api.route import Route
from ledger.current_usage import SubscriptionPending
from ledger.db import Connection
from ledger.estimating import (
    Estimate,
    EstimateOvertaken,
    EventMetricUnknown,
    EventRejected,
    estimate_event,
)
from ledger.place import EPOCH, MICROSECOND
from ledger.subscribers import SubscriptionUnknown
from schemas.lago_estimates import (
    EstimateAnswerSchema,
    EstimateRequestSchema,
    EstimateSchema,
)
from schemas.messages import Counter
from schemas.properties import PropertiesInvalid, write_properties

BUSY_RETRY_SECONDS: Final = 5

_SCHEMA: Final = EstimateSchema()


def estimate_fees() -> Response:
    """What an event of now would add to the open period's bill."""
    service_id = require_principal().service_id
    now = datetime.now(UTC)
    counter = _read_event(now)

    def estimate(conn: Connection) -> Estimate | None:
        return estimate_event(conn, service_id, counter, now)

    # In the place of changes: for a moment it waits for the locks that a fold needs.
    try:
        found = current_api().change(estimate)
    except (SubscriptionUnknown, SubscriptionPending) as error:
        raise not_found("subscription_not_found") from error
    except EventMetricUnknown as error:
        raise not_found("billable_metric_not_found") from error
    except EventRejected as error:
        code, _, sentence = str(error).partition(": ")
        raise validation_failed({"properties": [code]}, sentence or None) from error
    except (BooksBusy, EstimateOvertaken) as error:
        raise books_busy(BUSY_RETRY_SECONDS) from error
    subscription = counter.external_subscription_id
    fees = [fee_answer(found, subscription)] if found else []
    return jsonify({"fees": fees})


def _read_event(now: datetime) -> Counter:
    values = read_wrapped("event", _SCHEMA)
    try:
        properties = write_properties(values["properties"])
    except PropertiesInvalid as error:
        code, _, sentence = str(error).partition(": ")
        raise validation_failed({"properties": [code]}, sentence) from error
    return Counter(
        index=0,
        transaction_id=str(uuid4()),
        external_subscription_id=values["external_subscription_id"],
        code=values["code"],
        timestamp_us=(now - EPOCH) // MICROSECOND,
        value=None,
        members=None,
        properties=properties,
    )


ROUTES: Final = (
    Route(
        method="POST",
        path="/events/estimate_fees",
        name="estimate_fees",
        view=estimate_fees,
        summary="What an event would add to the bill; it is not kept",
        answers={200: EstimateAnswerSchema},
        errors=(400, 401, 404, 408, 413, 415, 422, 429, 503),
        body=EstimateRequestSchema,
    ),
)
