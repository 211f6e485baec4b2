"""``GET /customers/{external_id}/projected_usage``."""

from datetime import UTC, datetime
from typing import Final

from flask import Response, jsonify

from ingest_api.auth import require_principal
from ingest_api.lago.projected_usage_answer import projected_usage_answer
from ingest_api.route import Route
from ingest_api.usage_reads import read_current_usage
from ledger.projection import project_usage
from schemas.lago_projected_usage import ProjectedUsageAnswerSchema


def show_projected_usage(external_id: str) -> Response:
    """The open period of one of the customer's subscriptions, taken to its end."""
    service_id, now = require_principal().service_id, datetime.now(UTC)
    usage = read_current_usage(service_id, external_id, now)
    return jsonify(projected_usage_answer(project_usage(usage, now)))


ROUTES: Final = (
    Route(
        method="GET",
        path="/customers/<path:external_id>/projected_usage",
        name="show_projected_usage",
        view=show_projected_usage,
        summary="The open period of a subscription, rated as of now and at its end",
        answers={200: ProjectedUsageAnswerSchema},
        errors=(401, 404, 422, 429, 503),
        required_query={"external_subscription_id": "One of the customer's."},
    ),
)
