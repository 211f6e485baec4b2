"""``/webhook_endpoints``: where a service's webhooks go, as its app manages it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeVar
from uuid import UUID

from flask import Response, jsonify

from ingest_api.api import current_api
from ingest_api.auth import require_principal
from ingest_api.changes import BooksBusy
from ingest_api.errors import ApiError, books_busy, not_found
from ingest_api.lago.webhook_endpoints_answer import (
    endpoint_answer,
    endpoints_answer,
    secret_answer,
)
from ingest_api.lago.wrapped import (
    PageQuerySchema,
    page_of,
    read_query,
    read_wrapped,
    refused,
)
from ingest_api.reads import page_meta
from ingest_api.route import Route
from ledger.app_endpoints import (
    AppEndpoint,
    EndpointsFull,
    add_endpoint,
    change_endpoint,
    find_endpoint,
    page_of_endpoints,
    remove_endpoint,
    rotate_secret,
)
from ledger.db import Connection
from ledger.endpoints import EndpointExists, EndpointUnknown
from ledger.targets import UrlRefused
from schemas.lago_webhook_endpoints import (
    MAX_ENDPOINTS,
    EndpointAnswerSchema,
    EndpointChangeBodySchema,
    EndpointChangeSchema,
    EndpointsAnswerSchema,
    EndpointSecretAnswerSchema,
    NewEndpointBodySchema,
    NewEndpointSchema,
)

T = TypeVar("T")

WRAPPER: Final = "webhook_endpoint"
BUSY_RETRY_SECONDS: Final = 5
_NEW: Final = NewEndpointSchema()
_CHANGE: Final = EndpointChangeSchema()
_QUERY: Final = PageQuerySchema()


def create_webhook_endpoint() -> Response:
    """Make an endpoint; the answer shows its secret, this once."""
    principal = require_principal()
    values = read_wrapped(WRAPPER, _NEW)
    settings = current_api().settings

    def add(conn: Connection) -> tuple[AppEndpoint, str]:
        made = add_endpoint(
            conn,
            principal.service_code,
            values,
            secret_key=settings.secret_key,
            allow_loopback=settings.webhook_allow_loopback,
        )
        return find_endpoint(conn, principal.service_id, made.id), made.secret

    endpoint, secret = _change(add)
    return jsonify(secret_answer(endpoint, secret))


def list_webhook_endpoints() -> Response:
    """The service's endpoints, oldest first."""
    service_id = require_principal().service_id
    page = page_of(read_query(_QUERY))
    endpoints, total = current_api().query(
        lambda conn: page_of_endpoints(conn, service_id, page.size, page.offset)
    )
    return jsonify(
        endpoints_answer(endpoints, page_meta(page.number, page.size, total))
    )


def show_webhook_endpoint(lago_id: str) -> Response:
    """One endpoint."""
    service_id = require_principal().service_id
    wanted = _id(lago_id)
    try:
        endpoint = current_api().query(
            lambda conn: find_endpoint(conn, service_id, wanted)
        )
    except EndpointUnknown as error:
        raise _unknown() from error
    return jsonify(endpoint_answer(endpoint))


def update_webhook_endpoint(lago_id: str) -> Response:
    """Change what the body names."""
    service_id = require_principal().service_id
    wanted = _id(lago_id)
    values = read_wrapped(WRAPPER, _CHANGE)
    loopback = current_api().settings.webhook_allow_loopback
    endpoint = _change(
        lambda conn: change_endpoint(
            conn, service_id, wanted, values, allow_loopback=loopback
        )
    )
    return jsonify(endpoint_answer(endpoint))


def delete_webhook_endpoint(lago_id: str) -> Response:
    """Send nothing there any more; the answer shows what was deleted."""
    service_id = require_principal().service_id
    wanted = _id(lago_id)
    now = datetime.now(UTC)
    endpoint = _change(lambda conn: remove_endpoint(conn, service_id, wanted, now))
    return jsonify(endpoint_answer(endpoint))


def rotate_webhook_endpoint(lago_id: str) -> Response:
    """A new secret, shown this once; the one before signs beside it for a day."""
    service_id = require_principal().service_id
    wanted = _id(lago_id)
    now = datetime.now(UTC)
    secret_key = current_api().settings.secret_key

    def rotate(conn: Connection) -> tuple[AppEndpoint, str]:
        made = rotate_secret(conn, service_id, wanted, now, secret_key=secret_key)
        return find_endpoint(conn, service_id, wanted), made.secret

    endpoint, secret = _change(rotate)
    return jsonify(secret_answer(endpoint, secret))


def _change(function: Callable[[Connection], T]) -> T:
    """The function's result, committed. Raises ApiError 404, 422 or 503."""
    try:
        return current_api().change(function)
    except EndpointUnknown as error:
        raise _unknown() from error
    except EndpointsFull as error:
        text = f"exceeded_limit: a service has at most {MAX_ENDPOINTS} endpoints"
        raise refused({"base": [text]}) from error
    except UrlRefused as error:
        raise refused({"webhook_url": [f"url_invalid: {error}"]}) from error
    except EndpointExists as error:
        raise refused({"webhook_url": ["value_already_exist"]}) from error
    except BooksBusy as error:
        raise books_busy(BUSY_RETRY_SECONDS) from error


def _id(text: str) -> UUID:
    """Raises ApiError 404 for what cannot be an id."""
    try:
        wanted = UUID(text)
    except ValueError as error:
        raise _unknown() from error
    if str(wanted) != text.lower():  # UUID() reads braces, urn: and more
        raise _unknown()
    return wanted


def _unknown() -> ApiError:
    return not_found("webhook_endpoint_not_found")


_WRITE_ERRORS: Final = (400, 401, 404, 408, 413, 415, 422, 429, 503)
_ONE: Final = "/webhook_endpoints/<lago_id>"

ROUTES: Final = (
    Route(
        method="POST",
        path="/webhook_endpoints",
        name="create_webhook_endpoint",
        view=create_webhook_endpoint,
        summary="Make an endpoint, and show its secret once",
        answers={200: EndpointSecretAnswerSchema},
        errors=_WRITE_ERRORS,
        body=NewEndpointBodySchema,
    ),
    Route(
        method="GET",
        path="/webhook_endpoints",
        name="list_webhook_endpoints",
        view=list_webhook_endpoints,
        summary="The service's endpoints",
        answers={200: EndpointsAnswerSchema},
        errors=(401, 422, 429, 503),
        query=PageQuerySchema,
    ),
    Route(
        method="GET",
        path=_ONE,
        name="show_webhook_endpoint",
        view=show_webhook_endpoint,
        summary="One endpoint",
        answers={200: EndpointAnswerSchema},
        errors=(401, 404, 429, 503),
    ),
    Route(
        method="PUT",
        path=_ONE,
        name="update_webhook_endpoint",
        view=update_webhook_endpoint,
        summary="Change an endpoint",
        answers={200: EndpointAnswerSchema},
        errors=_WRITE_ERRORS,
        body=EndpointChangeBodySchema,
    ),
    Route(
        method="DELETE",
        path=_ONE,
        name="delete_webhook_endpoint",
        view=delete_webhook_endpoint,
        summary="Delete an endpoint; what still waits for it is not sent",
        answers={200: EndpointAnswerSchema},
        errors=(401, 404, 429, 503),
    ),
    Route(
        method="POST",
        path=f"{_ONE}/rotate",
        name="rotate_webhook_endpoint",
        view=rotate_webhook_endpoint,
        summary="A new secret; the one before signs beside it for 24 hours",
        answers={200: EndpointSecretAnswerSchema},
        errors=(401, 404, 429, 503),
    ),
)
