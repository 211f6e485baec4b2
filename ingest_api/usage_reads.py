"""``GET /customers/{external_id}/current_usage`` and ``…/past_usage``."""

from datetime import UTC, datetime

from flask import Response, jsonify, request
from marshmallow import EXCLUDE, ValidationError

from ingest_api.api import current_api
from ingest_api.auth import require_principal
from ingest_api.errors import not_found, validation_failed
from ingest_api.path_ids import find_no_odd_text
from ingest_api.reads import page_meta
from ingest_api.usage_answer import past_usage_answer, usage_answer
from ingest_api.usage_filters import UNKNOWN_METRIC, filter_usage, read_filter
from ledger.current_usage import SubscriptionPending, current_usage
from ledger.db import Connection
from ledger.one_state import see_one_state
from ledger.past_usage import MetricUnknown, PastUsage, check_metric, past_usage
from ledger.subscribers import CustomerUnknown, SubscriptionUnknown
from ledger.usage import PeriodUsage
from schemas.answers import PastUsageQuerySchema

_QUERY = PastUsageQuerySchema(unknown=EXCLUDE)


def show_current_usage(external_id: str) -> Response:
    """The open period of one of the customer's subscriptions, rated."""
    service_id = require_principal().service_id
    wanted = read_filter(request.args)
    now = datetime.now(UTC)
    usage = read_current_usage(service_id, external_id, now, wanted.metric_code)
    return jsonify(usage_answer(filter_usage(usage, wanted)))


def read_current_usage(
    service_id: int, external_id: str, now: datetime, metric: str | None = None
) -> PeriodUsage:
    """The open period of the subscription that the query names. Raises ApiError, also
    when there is no such metric."""
    subscription = wanted_subscription(external_id)

    def read(conn: Connection) -> PeriodUsage:
        see_one_state(conn)
        usage = current_usage(conn, service_id, external_id, subscription, now)
        if metric is not None:
            check_metric(conn, service_id, metric)
        return usage

    try:
        return current_api().query(read)
    except CustomerUnknown as error:
        raise not_found("customer_not_found") from error
    except (SubscriptionUnknown, SubscriptionPending) as error:
        raise not_found("subscription_not_found") from error
    except MetricUnknown as error:
        raise not_found(UNKNOWN_METRIC) from error


def show_past_usage(external_id: str) -> Response:
    """The frozen periods of one of the customer's subscriptions, the newest first."""
    service_id = require_principal().service_id
    subscription = wanted_subscription(external_id)
    try:
        wanted = _QUERY.load(request.args.to_dict())
    except ValidationError as error:
        raise validation_failed(error.messages_dict) from error
    page, per_page = wanted["page"], wanted["per_page"]
    metric = wanted.get("billable_metric_code") or None
    if metric is not None:
        find_no_odd_text(metric, UNKNOWN_METRIC)

    def read(conn: Connection) -> PastUsage:
        see_one_state(conn)
        past = past_usage(
            conn,
            service_id,
            external_id,
            subscription,
            newest=wanted.get("periods_count"),
            limit=per_page,
            offset=(page - 1) * per_page,
        )
        if metric is not None:
            check_metric(conn, service_id, metric)
        return past

    try:
        past = current_api().query(read)
    except CustomerUnknown as error:
        raise not_found("customer_not_found") from error
    except SubscriptionUnknown as error:
        raise not_found("subscription_not_found") from error
    except MetricUnknown as error:
        raise not_found(UNKNOWN_METRIC) from error
    meta = page_meta(page, per_page, past.total)
    return jsonify(past_usage_answer(past.periods, meta, metric))


def wanted_subscription(customer: str) -> str:
    """The subscription that is asked for. Raises ApiError 404 or 422."""
    subscription = request.args.get("external_subscription_id")
    if subscription is None:
        details = {"external_subscription_id": ["value_is_mandatory: is missing"]}
        raise validation_failed(details)
    find_no_odd_text(customer, "customer_not_found")
    find_no_odd_text(subscription, "subscription_not_found")
    return subscription
