"""``/subscriptions``: made, changed and ended."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from flask import Response, jsonify

from ingest_api.api import current_api
from ingest_api.auth import require_principal
from ingest_api.errors import ApiError, not_found, validation_failed
from ingest_api.lago.changing import change_books
from ingest_api.lago.path_codes import code_in_path
from ingest_api.lago.subscription_reads import UNKNOWN, StatusQuerySchema
from ingest_api.lago.subscriptions_answer import subscription_answer
from ingest_api.lago.wrapped import read_query, read_wrapped
from ingest_api.route import Route
from ledger.app_subscriptions import (
    InstantRefused,
    NameTaken,
    PlanUnknown,
    SubscriptionInput,
    put_subscription,
    update_subscription,
)
from ledger.keys import Principal
from ledger.subscription_ends import end_subscription
from schemas.lago_subscriptions import (
    SubscriptionAnswerSchema,
    SubscriptionInputSchema,
    SubscriptionRequestSchema,
    SubscriptionUpdateRequestSchema,
    SubscriptionUpdateSchema,
)
from schemas.messages import APPLY_PARKED

_FIELDS: Final = {
    "name": "name",
    "billing_time": "anchor",
    "subscription_at": "started_at",
    "ending_at": "ended_at",
}
"""The ledger's names by Lago's."""


def save_subscription() -> Response:
    """Make a subscription, or change the plan of the one of that external id."""
    principal = require_principal()
    values = read_wrapped("subscription", SubscriptionInputSchema())
    names = (values["external_id"], values["external_customer_id"], values["plan_code"])
    given, now = SubscriptionInput(*names, _named(values)), datetime.now(UTC)
    try:
        saved = change_books(
            lambda conn: put_subscription(conn, _service(principal), given, now)
        )
    except PlanUnknown as error:
        raise not_found("plan_not_found") from error
    except NameTaken as error:
        raise _refused("external_id", "value_already_exist", error) from error
    except InstantRefused as error:
        raise _refused("ending_at", "invalid_date", error) from error
    # What came before its subscription is waiting for it.
    current_api().publisher.kick(APPLY_PARKED)
    return jsonify(subscription_answer(saved, now))


def change_subscription(external_id: str) -> Response:
    """Change a subscription's name and end, and the start of one that is pending."""
    principal = require_principal()
    values = _named(read_wrapped("subscription", SubscriptionUpdateSchema()))
    external_id, now = code_in_path(external_id, UNKNOWN), datetime.now(UTC)
    try:
        saved = change_books(
            lambda conn: update_subscription(
                conn, _service(principal), external_id, values, now
            )
        )
    except InstantRefused as error:
        raise _refused("ending_at", "invalid_date", error) from error
    if saved is None:
        raise not_found(UNKNOWN)
    return jsonify(subscription_answer(saved, now))


def remove_subscription(external_id: str) -> Response:
    """End a subscription now; one that is pending is canceled."""
    principal = require_principal()
    external_id = code_in_path(external_id, UNKNOWN)
    status, now = read_query(StatusQuerySchema())["status"], datetime.now(UTC)
    ended = change_books(
        lambda conn: end_subscription(
            conn, _service(principal), external_id, status, now
        )
    )
    if ended is None:
        raise not_found(UNKNOWN)
    return jsonify(subscription_answer(ended, now))


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    return {own: values[name] for name, own in _FIELDS.items() if name in values}


def _service(principal: Principal) -> tuple[int, str]:
    return principal.service_id, principal.service_code


def _refused(field: str, code: str, error: Exception) -> ApiError:
    return validation_failed({field: [code]}, f"{field}: {error}")


_ERRORS: Final = (400, 401, 404, 408, 413, 415, 422, 429, 503)

ROUTES: Final = (
    Route(
        method="POST",
        path="/subscriptions",
        name="save_subscription",
        view=save_subscription,
        summary="Make a subscription, or change its plan",
        answers={200: SubscriptionAnswerSchema},
        errors=_ERRORS,
        body=SubscriptionRequestSchema,
    ),
    Route(
        method="PUT",
        path="/subscriptions/<path:external_id>",
        name="change_subscription",
        view=change_subscription,
        summary="Change a subscription's name, end, or start that is to come",
        answers={200: SubscriptionAnswerSchema},
        errors=_ERRORS,
        body=SubscriptionUpdateRequestSchema,
    ),
    Route(
        method="DELETE",
        path="/subscriptions/<path:external_id>",
        name="remove_subscription",
        view=remove_subscription,
        summary="End a subscription now; what was used is billed",
        answers={200: SubscriptionAnswerSchema},
        errors=(401, 404, 422, 429, 503),
        query=StatusQuerySchema,
    ),
)
