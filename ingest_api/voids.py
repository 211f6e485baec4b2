"""``POST /usage/{transaction_id}/void``: take one counter back, and say what it did."""

from datetime import UTC, datetime
from typing import Any, Final

import structlog
from flask import Response, jsonify, request
from marshmallow import ValidationError

from ingest_api.api import current_api
from ingest_api.auth import require_principal
from ingest_api.bodies import read_json_body
from ingest_api.changes import BooksBusy
from ingest_api.errors import (
    ApiError,
    bad_request,
    body_too_large,
    books_busy,
    not_found,
    shown_errors,
    validation_failed,
)
from ingest_api.path_ids import find_no_odd_text, path_is_text
from ingest_api.strict_json import JsonInvalid, parse_json
from ingest_api.void_answer import void_answer
from ledger.db import Connection
from ledger.voiding import (
    CounterArchived,
    CounterUnknown,
    Identity,
    Void,
    void_counter,
)
from schemas.voids import VoidRequestSchema

MAX_VOID_BYTES: Final = 16 * 1024
BUSY_RETRY_SECONDS: Final = 5
UNKNOWN: Final = "transaction_not_found"

log = structlog.get_logger()
_ORDER: Final = VoidRequestSchema()


def void_usage(transaction_id: str) -> Response:
    """Take a counter back. A repeat is answered as the first time."""
    principal = require_principal()
    identity, reason = _read_order(transaction_id)
    now = datetime.now(UTC)

    def take_back(conn: Connection) -> Void:
        return void_counter(
            conn, principal.service_id, identity, now, principal.prefix, reason
        )

    # Not by way of the queue, as a push: a person's order about something that is in
    # the books must be answered with what it did.
    try:
        void = current_api().change(take_back)
    except CounterUnknown as error:
        raise _unknown() from error
    except CounterArchived as error:
        raise ApiError(
            422,
            error="Unprocessable Entity",
            code="period_is_archived",
            message="the counter's period is archived and cannot change any more",
        ) from error
    except BooksBusy as error:
        raise books_busy(BUSY_RETRY_SECONDS) from error
    if void.voided_at == now:
        log.info(
            "counter_voided",
            service_id=principal.service_id,
            batch_id=str(void.batch_id),
            item_index=void.item_index,
            voided_by=principal.prefix,
        )
    return jsonify(void_answer(identity, void))


def _read_order(transaction_id: str) -> tuple[Identity, str]:
    """Which counter to take back, and why. Raises ApiError."""
    order = _read_body()
    if not path_is_text():
        raise _unknown()
    find_no_odd_text(transaction_id, UNKNOWN)
    named = (order["external_subscription_id"], order["code"], transaction_id)
    return Identity(*named), order.get("reason", "")


def _read_body() -> dict[str, Any]:
    body = read_json_body(request)
    if len(body) > MAX_VOID_BYTES:
        raise body_too_large(MAX_VOID_BYTES)
    try:
        parsed = parse_json(body, max_objects=MAX_VOID_BYTES)
    except JsonInvalid as error:
        raise bad_request(str(error)) from error
    if not isinstance(parsed, dict) or not isinstance(parsed.get("void"), dict):
        raise bad_request("the body must be an object with an object `void`")
    try:
        order: dict[str, Any] = _ORDER.load(parsed)["void"]
    except ValidationError as error:
        details = error.messages_dict
        raise validation_failed(shown_errors(details.get("void", details))) from error
    return order


def _unknown() -> ApiError:
    return not_found(
        UNKNOWN,
        "no such counter is in the books: it was never pushed, or its batch is not "
        "done, or it is parked or was rejected",
    )
