"""``GET /batches/{id}`` and ``GET /customers/{external_id}/current_usage``."""

from datetime import UTC, datetime
from typing import Any

from flask import Response, jsonify, request
from marshmallow import EXCLUDE, ValidationError

from ingest_api.api import current_api
from ingest_api.auth import require_principal
from ingest_api.batch_ids import parse_batch_id
from ingest_api.errors import not_found, validation_failed
from ingest_api.usage_answer import usage_answer
from ledger.current_usage import (
    CurrentUsage,
    CustomerUnknown,
    SubscriptionPending,
    SubscriptionUnknown,
    current_usage,
)
from ledger.db import Connection
from ledger.receipts import Item, Receipt, read_items, read_receipt
from schemas.answers import BatchAnswerSchema, BatchQuerySchema
from schemas.texts import TextInvalid, check_text

_QUERY = BatchQuerySchema(unknown=EXCLUDE)
_ANSWER = BatchAnswerSchema()


def show_batch(batch_id: str) -> Response:
    """A batch's receipt with a page of its items."""
    service_id = require_principal().service_id
    canonical = parse_batch_id(batch_id)
    if canonical is None:
        raise not_found("batch_not_found")
    try:
        wanted = _QUERY.load(request.args.to_dict())
    except ValidationError as error:
        raise validation_failed(error.messages_dict) from error
    page, per_page, outcome = wanted["page"], wanted["per_page"], wanted.get("outcome")

    def read(conn: Connection) -> tuple[Receipt | None, list[Item]]:
        receipt = read_receipt(conn, service_id, canonical)
        if receipt is None:
            return None, []
        offset = (page - 1) * per_page
        return receipt, read_items(conn, canonical, outcome, per_page, offset)

    receipt, items = current_api().query(read)
    if receipt is None:
        raise not_found("batch_not_found")
    total = receipt.outcomes[outcome] if outcome else sum(receipt.outcomes.values())
    answer = {
        "batch": {
            "id": receipt.batch_id,
            "state": receipt.state,
            "received": receipt.received,
            "outcomes": receipt.outcomes,
            "items": items,
        },
        "meta": page_meta(page, per_page, total),
    }
    return jsonify(_ANSWER.dump(answer))


def show_current_usage(external_id: str) -> Response:
    """The open period of one of the customer's subscriptions, rated."""
    service_id = require_principal().service_id
    subscription = request.args.get("external_subscription_id")
    if subscription is None:
        details = {"external_subscription_id": ["value_is_mandatory: is missing"]}
        raise validation_failed(details)
    _find_no_odd_text(external_id, "customer_not_found")
    _find_no_odd_text(subscription, "subscription_not_found")
    now = datetime.now(UTC)

    def read(conn: Connection) -> CurrentUsage:
        return current_usage(conn, service_id, external_id, subscription, now)

    try:
        usage = current_api().query(read)
    except CustomerUnknown as error:
        raise not_found("customer_not_found") from error
    except (SubscriptionUnknown, SubscriptionPending) as error:
        raise not_found("subscription_not_found") from error
    return jsonify(usage_answer(usage))


def page_meta(page: int, per_page: int, total: int) -> dict[str, Any]:
    """Lago's ``meta`` of a list."""
    pages = -(-total // per_page)
    return {
        "current_page": page,
        "next_page": page + 1 if page < pages else None,
        "prev_page": page - 1 if 1 < page <= pages + 1 else None,
        "total_pages": pages,
        "total_count": total,
    }


def _find_no_odd_text(text: str, code: str) -> None:
    """No id has NUL in it, which PostgreSQL does not take, or is too long."""
    try:
        check_text(text)
    except TextInvalid as error:
        raise not_found(code) from error
