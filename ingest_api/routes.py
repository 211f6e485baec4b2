"""Every route: where it is, what answers it, and what the OpenAPI document says of it.

The app is built from this table, and so is the document: neither has what the other
lacks, but for Lago's endpoints that are not here (``ingest_api.lago.absent``).
"""

from typing import Final

from ingest_api.health import show_health, show_metrics
from ingest_api.lago.routes import LAGO_ROUTES
from ingest_api.push import push_usage
from ingest_api.reads import show_batch
from ingest_api.route import Route
from ingest_api.usage_reads import show_current_usage, show_past_usage
from ingest_api.voids import void_usage
from schemas.answers import (
    AcceptedSchema,
    BatchAnswerSchema,
    BatchQuerySchema,
    HealthSchema,
    PastUsageQuerySchema,
)
from schemas.usage import UsageSchema
from schemas.usage_answers import CustomerUsageAnswerSchema, PastUsageAnswerSchema
from schemas.usage_query import CurrentUsageQuerySchema
from schemas.voids import VoidAnswerSchema, VoidRequestSchema

PREFIXES: Final = ("/api/billing/v1", "/api/v1")
"""Where the API answers; the first is the one that is spoken of, the second the one
that Lago's clients append to their base URL."""


API_ROUTES: Final = (
    Route(
        method="POST",
        path="/usage",
        name="push_usage",
        view=push_usage,
        summary="Push a batch of usage counters",
        answers={202: AcceptedSchema},
        errors=(400, 401, 408, 413, 415, 422, 429, 503),
        body=UsageSchema,
        headers={
            "Idempotency-Key": "1 to 255 visible ASCII characters. The same key with "
            "the same body gets the same answer, and is one batch."
        },
    ),
    Route(
        method="POST",
        path="/usage/<path:transaction_id>/void",
        name="void_usage",
        view=void_usage,
        summary="Take a counter back: it stops counting, and stays on record",
        answers={200: VoidAnswerSchema},
        errors=(400, 401, 404, 408, 413, 415, 422, 429, 503),
        body=VoidRequestSchema,
    ),
    Route(
        method="GET",
        path="/batches/<batch_id>",
        name="show_batch",
        view=show_batch,
        summary="What became of a batch, item by item",
        answers={200: BatchAnswerSchema},
        errors=(401, 404, 422, 429, 503),
        query=BatchQuerySchema,
    ),
    Route(
        method="GET",
        path="/customers/<path:external_id>/current_usage",
        name="show_current_usage",
        view=show_current_usage,
        summary="The open period of a subscription, rated",
        answers={200: CustomerUsageAnswerSchema},
        errors=(401, 404, 422, 429, 503),
        query=CurrentUsageQuerySchema,
        required_query={"external_subscription_id": "One of the customer's."},
    ),
    Route(
        method="GET",
        path="/customers/<path:external_id>/past_usage",
        name="show_past_usage",
        view=show_past_usage,
        summary="The frozen periods of a subscription as they were billed",
        answers={200: PastUsageAnswerSchema},
        errors=(401, 404, 422, 429, 503),
        query=PastUsageQuerySchema,
        required_query={"external_subscription_id": "One of the customer's."},
    ),
    *LAGO_ROUTES,
)

OPEN_ROUTES: Final = (
    Route(
        method="GET",
        path="/health",
        name="show_health",
        view=show_health,
        summary="Alive, and the state of each dependency",
        answers={200: HealthSchema},
        open=True,
    ),
    Route(
        method="GET",
        path="/metrics",
        name="show_metrics",
        view=show_metrics,
        summary="Metrics for Prometheus",
        answers={200: None},
        open=True,
    ),
)
