"""``GET /batches/{id}``, and what all lists have."""

from typing import Any

from flask import Response, jsonify, request
from marshmallow import EXCLUDE, ValidationError

from ingest_api.api import current_api
from ingest_api.auth import require_principal
from ingest_api.batch_ids import parse_batch_id
from ingest_api.errors import not_found, validation_failed
from ledger.db import Connection
from ledger.receipts import Item, Receipt, read_items, read_receipt
from schemas.answers import BatchAnswerSchema, BatchQuerySchema

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
