"""``/billable_metrics``: what is counted, and how."""

from typing import Final

from flask import Response, jsonify

from ingest_api.api import current_api
from ingest_api.auth import require_principal
from ingest_api.errors import not_found
from ingest_api.lago.billable_metrics_answer import metric_answer
from ingest_api.lago.billable_metrics_changes import (
    UNKNOWN,
    create_metric,
    remove_metric,
    update_metric,
)
from ingest_api.lago.path_codes import code_in_path
from ingest_api.lago.wrapped import PageQuerySchema, page_of, read_query
from ingest_api.reads import page_meta
from ingest_api.route import Route
from ledger.catalog_pages import find_metric, metric_page
from schemas.lago_billable_metrics import (
    BillableMetricAnswerSchema,
    BillableMetricsAnswerSchema,
    MetricChangeRequestSchema,
    NewMetricRequestSchema,
)

_QUERY: Final = PageQuerySchema()


def list_metrics() -> Response:
    """The service's metrics, the newest first."""
    service_id = require_principal().service_id
    page = page_of(read_query(_QUERY))
    found = current_api().query(
        lambda conn: metric_page(conn, service_id, page.size, page.offset)
    )
    metrics = [metric_answer(metric) for metric in found.entries]
    meta = page_meta(page.number, page.size, found.total)
    return jsonify({"billable_metrics": metrics, "meta": meta})


def show_metric(code: str) -> Response:
    """One metric."""
    service_id = require_principal().service_id
    code = code_in_path(code, UNKNOWN)
    metric = current_api().query(lambda conn: find_metric(conn, service_id, code))
    if metric is None:
        raise not_found(UNKNOWN)
    return jsonify({"billable_metric": metric_answer(metric)})


ROUTES: Final = (
    Route(
        method="POST",
        path="/billable_metrics",
        name="create_metric",
        view=create_metric,
        summary="Make a metric; with a key that has the scope catalog",
        answers={200: BillableMetricAnswerSchema},
        errors=(400, 401, 403, 408, 413, 415, 422, 429, 503),
        body=NewMetricRequestSchema,
    ),
    Route(
        method="PUT",
        path="/billable_metrics/<path:code>",
        name="update_metric",
        view=update_metric,
        summary="Change a metric; with a key that has the scope catalog",
        answers={200: BillableMetricAnswerSchema},
        errors=(400, 401, 403, 404, 408, 413, 415, 422, 429, 503),
        body=MetricChangeRequestSchema,
    ),
    Route(
        method="DELETE",
        path="/billable_metrics/<path:code>",
        name="remove_metric",
        view=remove_metric,
        summary="Delete a metric that no plan charges; with the scope catalog",
        answers={200: BillableMetricAnswerSchema},
        errors=(401, 403, 404, 405, 422, 429, 503),
    ),
    Route(
        method="GET",
        path="/billable_metrics",
        name="list_metrics",
        view=list_metrics,
        summary="The metrics, the newest first",
        answers={200: BillableMetricsAnswerSchema},
        errors=(401, 422, 429, 503),
        query=PageQuerySchema,
    ),
    Route(
        method="GET",
        path="/billable_metrics/<path:code>",
        name="show_metric",
        view=show_metric,
        summary="One metric",
        answers={200: BillableMetricAnswerSchema},
        errors=(401, 404, 429, 503),
    ),
)
