"""The routes of Lago's endpoints, resource by resource."""

from typing import Final

from ingest_api.lago import (
    billable_metrics,
    credit_notes,
    customers,
    documents,
    entitlements,
    estimate_fees,
    events,
    invoices,
    lifetime_usage,
    plans,
    portal,
    projected_usage,
    subscription_reads,
    subscriptions,
    webhook_endpoints,
    webhooks,
)
from ingest_api.route import Route

LAGO_ROUTES: Final[tuple[Route, ...]] = (
    *billable_metrics.ROUTES,
    *credit_notes.ROUTES,
    *customers.ROUTES,
    *documents.ROUTES,
    *entitlements.ROUTES,
    *estimate_fees.ROUTES,
    *events.ROUTES,
    *invoices.ROUTES,
    *lifetime_usage.ROUTES,
    *plans.ROUTES,
    *portal.ROUTES,
    *projected_usage.ROUTES,
    *subscription_reads.ROUTES,
    *subscriptions.ROUTES,
    *webhook_endpoints.ROUTES,
    *webhooks.ROUTES,
)
