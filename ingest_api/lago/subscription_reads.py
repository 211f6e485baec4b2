"""``/subscriptions`` and those of a customer: listed and shown."""

from datetime import UTC, datetime
from typing import Any, Final

from flask import Response, jsonify
from marshmallow import fields, validate

from ingest_api.api import current_api
from ingest_api.auth import require_principal
from ingest_api.errors import not_found
from ingest_api.lago import customers
from ingest_api.lago.path_codes import code_in_path
from ingest_api.lago.subscriptions_answer import (
    subscription_answer,
    subscriptions_answer,
)
from ingest_api.lago.wrapped import PageQuerySchema, page_of, read_query
from ingest_api.route import Route
from ledger.customers import find_customer
from ledger.db import Connection
from ledger.subscriptions import (
    ACTIVE,
    Subscription,
    Wanted,
    find_subscription,
    list_subscriptions,
)
from schemas.catalog_fields import Text
from schemas.lago_catalog_fields import LagoSchema
from schemas.lago_subscriptions import (
    STATUSES,
    SubscriptionAnswerSchema,
    SubscriptionsAnswerSchema,
)

UNKNOWN: Final = "subscription_not_found"

Listed = tuple[list[Subscription], int]


class StatusQuerySchema(LagoSchema):
    """Of which status the subscription is to be."""

    status = fields.String(
        load_default=None, allow_none=True, validate=validate.OneOf(STATUSES)
    )


class CustomerSubscriptionsQuerySchema(PageQuerySchema):
    """Which of a customer's subscriptions to list; the active ones by default."""

    plan_code = Text(load_default=None)
    status = fields.List(
        fields.String(validate=validate.OneOf(STATUSES)),
        load_default=lambda: [ACTIVE],
        metadata={"description": "Also as `status[]`."},
    )


class SubscriptionsQuerySchema(CustomerSubscriptionsQuerySchema):
    """Which subscriptions to list; the active ones by default."""

    external_customer_id = Text(load_default=None)


def show_subscriptions() -> Response:
    """A page of the service's subscriptions."""
    service_id = require_principal().service_id
    wanted, now = read_query(SubscriptionsQuerySchema()), datetime.now(UTC)
    customer = wanted["external_customer_id"]
    return _answer(
        current_api().query(
            lambda conn: _list(conn, service_id, customer, wanted, now)
        ),
        wanted,
        now,
    )


def show_customers_subscriptions(external_id: str) -> Response:
    """A page of one customer's subscriptions."""
    service_id = require_principal().service_id
    customer = code_in_path(external_id, customers.UNKNOWN)
    wanted, now = read_query(CustomerSubscriptionsQuerySchema()), datetime.now(UTC)

    def read(conn: Connection) -> Listed | None:
        if find_customer(conn, service_id, customer) is None:
            return None
        return _list(conn, service_id, customer, wanted, now)

    found = current_api().query(read)
    if found is None:
        raise not_found(customers.UNKNOWN)
    return _answer(found, wanted, now)


def show_subscription(external_id: str) -> Response:
    """One subscription: an active one, unless another status is asked for."""
    service_id = require_principal().service_id
    external_id = code_in_path(external_id, UNKNOWN)
    status = read_query(StatusQuerySchema())["status"] or ACTIVE
    now = datetime.now(UTC)
    found = current_api().query(
        lambda conn: find_subscription(conn, service_id, external_id, now)
    )
    if found is None or found.status != status:
        raise not_found(UNKNOWN)
    return jsonify(subscription_answer(found, now))


def _list(
    conn: Connection,
    service_id: int,
    customer: str | None,
    wanted: dict[str, Any],
    now: datetime,
) -> Listed:
    page = page_of(wanted)
    which = Wanted(customer or None, wanted["plan_code"] or None, wanted["status"])
    return list_subscriptions(conn, service_id, which, page.size, page.offset, now)


def _answer(found: Listed, wanted: dict[str, Any], now: datetime) -> Response:
    return jsonify(subscriptions_answer(*found[:1], page_of(wanted), found[1], now))


ROUTES: Final = (
    Route(
        method="GET",
        path="/customers/<path:external_id>/subscriptions",
        name="show_customers_subscriptions",
        view=show_customers_subscriptions,
        summary="A customer's subscriptions, the newest first",
        answers={200: SubscriptionsAnswerSchema},
        errors=(401, 404, 422, 429, 503),
        query=CustomerSubscriptionsQuerySchema,
    ),
    Route(
        method="GET",
        path="/subscriptions",
        name="show_subscriptions",
        view=show_subscriptions,
        summary="The subscriptions, the newest first",
        answers={200: SubscriptionsAnswerSchema},
        errors=(401, 422, 429, 503),
        query=SubscriptionsQuerySchema,
    ),
    Route(
        method="GET",
        path="/subscriptions/<path:external_id>",
        name="show_subscription",
        view=show_subscription,
        summary="A subscription",
        answers={200: SubscriptionAnswerSchema},
        errors=(401, 404, 422, 429, 503),
        query=StatusQuerySchema,
    ),
)
