"""``POST /usage``: check, publish, and answer 202 once the broker has confirmed."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final

import structlog
from flask import Response, jsonify, request
from marshmallow import ValidationError

from ingest_api.api import Api, current_api
from ingest_api.auth import require_principal
from ingest_api.batch_ids import new_batch_id
from ingest_api.bodies import read_json_body
from ingest_api.bounded import Unavailable
from ingest_api.counters import Refusal, read_counters
from ingest_api.errors import (
    bad_request,
    shown_errors,
    too_busy,
    validation_failed,
)
from ingest_api.metrics import COUNTERS_ACCEPTED, COUNTERS_REJECTED
from ingest_api.publishing import (
    ANSWER_SECONDS,
    PUBLISH_SECONDS,
    RECEIPT_SECONDS,
    microseconds,
    note_queued,
    publish_batch,
    refuse_when_queue_is_deep,
    seconds_since,
)
from ingest_api.strict_json import JsonInvalid, TooManyObjects, parse_json
from ledger.db import Connection
from ledger.idempotency import Claim, claim_key, find_claim, store_answer
from ledger.receipts import write_queued
from schemas.messages import BatchMessage, Counter
from schemas.usage import MAX_BATCH_MEMBERS, MAX_COUNTERS, UsageSchema

CLAIM_SECONDS: Final = 1.0
AGGREGATIONS_SECONDS: Final = 0.3
BIG_BODY_BYTES: Final = 512 * 1024
MAX_OBJECTS: Final = 2 * MAX_COUNTERS + 1
"""A counter, and its properties."""
MAX_ERRORS_SHOWN: Final = 100
MAX_IDEMPOTENCY_KEY_CHARS: Final = 255

log = structlog.get_logger()
_ENVELOPE: Final = UsageSchema()


@dataclass(frozen=True)
class _Items:
    """A body's items, told apart."""

    received: int
    counters: tuple[Counter, ...]
    refusals: tuple[Refusal, ...]


def push_usage() -> Response:
    """Take a batch of counters. Good items survive bad ones."""
    api = current_api()
    started = monotonic()
    service_id = require_principal(while_database_away=True).service_id
    key = _idempotency_key()
    refuse_when_queue_is_deep(api)
    spent = monotonic() - started
    body = read_json_body(request)
    started = monotonic() - spent
    digest = hashlib.sha256(body).digest()
    claim: Claim | None = None
    if key is not None:
        claim = api.query(lambda conn: find_claim(conn, service_id, key), CLAIM_SECONDS)
        if claim is not None and (answer := _stored_answer(claim, digest)):
            return _accepted(answer)
    # A repeat is judged by its body alone, so that it cannot come out differently.
    aggregations = {} if claim else api.aggregations(service_id, AGGREGATIONS_SECONDS)
    with _place_for(
        api, body, ANSWER_SECONDS - PUBLISH_SECONDS - seconds_since(started)
    ):
        items = _read_items(body, aggregations)
    now = datetime.now(UTC)
    batch_id = new_batch_id(microseconds(now))
    if key is not None:
        claim = api.query(
            lambda conn: claim_key(conn, service_id, key, digest, batch_id, now),
            CLAIM_SECONDS,
        )
        if answer := _stored_answer(claim, digest):
            return _accepted(answer)
        batch_id, now = claim.batch_id, claim.created_at
    message = BatchMessage(
        batch_id=batch_id,
        service_id=service_id,
        received_at_us=microseconds(now),
        received=items.received,
        counters=items.counters,
        rejections=tuple(refusal.to_rejection() for refusal in items.refusals),
    )
    publish_batch(api, message, started)
    COUNTERS_ACCEPTED.inc(len(items.counters))
    COUNTERS_REJECTED.inc(len(items.refusals))
    return _accepted(_record(api, message, key, _answer(message, items)))


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    visible = key.isascii() and key.isprintable() and " " not in key
    if not visible or not 0 < len(key) <= MAX_IDEMPOTENCY_KEY_CHARS:
        text = f"must be 1 to {MAX_IDEMPOTENCY_KEY_CHARS} visible ASCII characters"
        raise validation_failed({"Idempotency-Key": [f"value_is_invalid: {text}"]})
    return key


def _stored_answer(claim: Claim, digest: bytes) -> Mapping[str, Any] | None:
    if claim.request_digest != digest:
        raise validation_failed(
            {"Idempotency-Key": ["value_already_exist: was used with another body"]},
            "send a new key with a new body, or the same body again",
            code="idempotency_key_reused",
        )
    return claim.answer


@contextmanager
def _place_for(api: Api, body: bytes, timeout_seconds: float) -> Iterator[None]:
    """What a body of 8 MiB grows to in memory is held once per process at most.

    Raises ApiError 503 when others are before it for too long.
    """
    if len(body) <= BIG_BODY_BYTES:
        yield
        return
    if not api.big_bodies.acquire(timeout=max(0.0, timeout_seconds)):
        raise too_busy()
    try:
        yield
    finally:
        api.big_bodies.release()


def _read_items(body: bytes, aggregations: Mapping[str, str]) -> _Items:
    parsed = _parse(body)
    try:
        raw = _ENVELOPE.load(parsed)["counters"]
    except ValidationError as error:
        raise validation_failed(shown_errors(error.messages_dict)) from error
    counters, refusals = read_counters(raw, aggregations)
    if sum(len(counter.members or ()) for counter in counters) > MAX_BATCH_MEMBERS:
        text = f"too_many_members: a batch holds at most {MAX_BATCH_MEMBERS}"
        raise validation_failed({"counters": [text]})
    if not counters:
        COUNTERS_REJECTED.inc(len(refusals))
        raise validation_failed(
            {str(r.index): r.errors for r in refusals[:MAX_ERRORS_SHOWN]},
            f"all {len(refusals)} counters are refused; error_details has the first "
            f"{min(len(refusals), MAX_ERRORS_SHOWN)} by their place in the batch",
        )
    return _Items(len(raw), counters, refusals)


def _parse(body: bytes) -> Any:
    try:
        parsed = parse_json(body, MAX_OBJECTS)
    except JsonInvalid as error:
        raise bad_request(str(error)) from error
    except TooManyObjects as error:
        text = f"too_many_counters: a batch holds at most {MAX_COUNTERS}"
        raise validation_failed({"counters": [text]}) from error
    if not isinstance(parsed, dict) or "counters" not in parsed:
        raise bad_request("the body must be an object with a list `counters`")
    return parsed


def _record(
    api: Api, message: BatchMessage, key: str | None, answer: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Write the receipt and keep the answer, as far as possible."""
    if key is None:
        note_queued(api, message)
        return answer

    def write(conn: Connection) -> Mapping[str, Any]:
        write_queued(conn, message)
        return store_answer(conn, message.service_id, key, answer)

    try:
        return api.query(write, RECEIPT_SECONDS)
    except Unavailable:
        log.warning("receipt_left_to_worker", batch_id=message.batch_id)
        return answer


def _answer(message: BatchMessage, items: _Items) -> dict[str, Any]:
    return {
        "batch": {
            "id": message.batch_id,
            "received": items.received,
            "accepted": len(items.counters),
            "rejected": [
                {"index": refusal.index, "errors": refusal.errors}
                for refusal in items.refusals
            ],
        }
    }


def _accepted(answer: Mapping[str, Any]) -> Response:
    response = jsonify(answer)
    response.status_code = 202
    return response
