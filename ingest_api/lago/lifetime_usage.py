"""``/subscriptions/{external_id}/lifetime_usage``: read it, and say what was before."""

from datetime import UTC, datetime
from typing import Final

from flask import Response, jsonify

from ingest_api.api import current_api
from ingest_api.auth import require_principal
from ingest_api.errors import ApiError, not_found
from ingest_api.lago.changing import change_books
from ingest_api.lago.lifetime_usage_answer import lifetime_usage_answer
from ingest_api.lago.path_codes import code_in_path
from ingest_api.lago.wrapped import read_wrapped
from ingest_api.route import Route
from ledger.lifetime_usage import lifetime_usage, set_historical_usage
from ledger.subscribers import SubscriptionUnknown
from schemas.lago_lifetime_usage import (
    LifetimeUsageAnswerSchema,
    LifetimeUsageInputSchema,
    LifetimeUsageRequestSchema,
)

UNKNOWN: Final = "subscription_not_found"
_INPUT: Final = LifetimeUsageInputSchema()


def show_lifetime_usage(external_id: str) -> Response:
    """What a subscription has used since it began."""
    return _answer(require_principal().service_id, code_in_path(external_id, UNKNOWN))


def save_lifetime_usage(external_id: str) -> Response:
    """Say what a subscription had used elsewhere before."""
    service_id = require_principal().service_id
    name = code_in_path(external_id, UNKNOWN)
    values = read_wrapped("lifetime_usage", _INPUT)
    cents = values["external_historical_usage_amount_cents"]
    try:
        change_books(lambda conn: set_historical_usage(conn, service_id, name, cents))
    except SubscriptionUnknown as error:
        raise _unknown() from error
    return _answer(service_id, name)


def _answer(service_id: int, name: str) -> Response:
    now = datetime.now(UTC)
    try:
        usage = current_api().query(
            lambda conn: lifetime_usage(conn, service_id, name, now)
        )
    except SubscriptionUnknown as error:
        raise _unknown() from error
    return jsonify(lifetime_usage_answer(usage))


def _unknown() -> ApiError:
    return not_found(UNKNOWN)


ROUTES: Final = (
    Route(
        method="GET",
        path="/subscriptions/<path:external_id>/lifetime_usage",
        name="show_lifetime_usage",
        view=show_lifetime_usage,
        summary="What a subscription has used since it began, in money",
        answers={200: LifetimeUsageAnswerSchema},
        errors=(401, 404, 422, 429, 503),
    ),
    Route(
        method="PUT",
        path="/subscriptions/<path:external_id>/lifetime_usage",
        name="save_lifetime_usage",
        view=save_lifetime_usage,
        summary="Say what a subscription had used elsewhere before",
        answers={200: LifetimeUsageAnswerSchema},
        errors=(400, 401, 404, 408, 413, 415, 422, 429, 503),
        body=LifetimeUsageRequestSchema,
    ),
)
