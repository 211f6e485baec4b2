"""``/subscriptions/{id}/entitlements``: what a subscription may do, as its app says."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from flask import Response, jsonify

from ingest_api.api import current_api
from ingest_api.auth import require_principal
from ingest_api.errors import not_found, validation_failed
from ingest_api.lago.changing import change_books
from ingest_api.lago.entitlements_answer import entitlements_answer
from ingest_api.lago.path_codes import code_in_path
from ingest_api.lago.subscription_reads import UNKNOWN
from ingest_api.lago.wrapped import load_values, read_wrapper
from ingest_api.route import Route
from ledger.db import Connection
from ledger.entitlements import (
    EntitlementUnknown,
    Features,
    Place,
    SubscriptionUnknown,
    TooMany,
    grant,
    read_entitlements,
    revoke,
)
from schemas.lago_entitlements import (
    EntitlementsAnswerSchema,
    EntitlementsRequestSchema,
)

NO_FEATURE: Final = "feature_not_found"
NO_PRIVILEGE: Final = "privilege_not_found"


def show_entitlements(external_id: str) -> Response:
    """All that the subscription may do."""
    place = _place(external_id)
    return _answer(
        lambda: current_api().query(lambda conn: read_entitlements(conn, place))
    )


def grant_entitlements(external_id: str) -> Response:
    """Add features, and privileges to those that there are."""
    place = _place(external_id)
    given = {"entitlements": read_wrapper("entitlements")}
    features = load_values(EntitlementsRequestSchema(), given)["entitlements"]
    try:
        return _change(lambda conn: grant(conn, place, features), NO_FEATURE)
    except TooMany as error:
        details = {"entitlements": ["value_is_invalid"]}
        raise validation_failed(details, str(error)) from error


def revoke_feature(external_id: str, feature_code: str) -> Response:
    """Take a feature away."""
    place = _place(external_id)
    feature = code_in_path(feature_code, NO_FEATURE)
    return _change(lambda conn: revoke(conn, place, feature), NO_FEATURE)


def revoke_privilege(
    external_id: str, feature_code: str, privilege_code: str
) -> Response:
    """Take one privilege of a feature away."""
    place = _place(external_id)
    feature = code_in_path(feature_code, NO_FEATURE)
    privilege = code_in_path(privilege_code, NO_PRIVILEGE)
    return _change(lambda conn: revoke(conn, place, feature, privilege), NO_PRIVILEGE)


def _place(external_id: str) -> Place:
    service_id = require_principal().service_id
    return Place(service_id, code_in_path(external_id, UNKNOWN), datetime.now(UTC))


def _change(function: Callable[[Connection], Features], unknown: str) -> Response:
    try:
        return _answer(lambda: change_books(function))
    except EntitlementUnknown as error:
        raise not_found(unknown) from error


def _answer(read: Callable[[], Features]) -> Response:
    try:
        return jsonify(entitlements_answer(read()))
    except SubscriptionUnknown as error:
        raise not_found(UNKNOWN) from error


_BASE: Final = "/subscriptions/<path:external_id>/entitlements"
_ANSWER: Final[dict[int, Any]] = {200: EntitlementsAnswerSchema}

ROUTES: Final = (
    Route(
        method="GET",
        path=_BASE,
        name="show_entitlements",
        view=show_entitlements,
        summary="What a subscription may do, as its app has said",
        answers=_ANSWER,
        errors=(401, 404, 429, 503),
    ),
    Route(
        method="PATCH",
        path=_BASE,
        name="grant_entitlements",
        view=grant_entitlements,
        summary="Add features, and privileges to those that there are",
        answers=_ANSWER,
        errors=(400, 401, 404, 408, 413, 415, 422, 429, 503),
        body=EntitlementsRequestSchema,
    ),
    Route(
        method="DELETE",
        path=f"{_BASE}/<feature_code>",
        name="revoke_feature",
        view=revoke_feature,
        summary="Take a feature away",
        answers=_ANSWER,
        errors=(401, 404, 429, 503),
    ),
    Route(
        method="DELETE",
        path=f"{_BASE}/<feature_code>/privileges/<privilege_code>",
        name="revoke_privilege",
        view=revoke_privilege,
        summary="Take a privilege of a feature away",
        answers=_ANSWER,
        errors=(401, 404, 429, 503),
    ),
)
