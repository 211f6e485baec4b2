"""Every metric of the API by name, with its help text, and their rendering.

The processes of one gunicorn count together when PROMETHEUS_MULTIPROC_DIR names a
directory of theirs, emptied at each start; set it before this module is imported.
Without it, each process shows its own numbers.
"""

import os
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from ledger.backlog import Backlog

REGISTRY: Final = CollectorRegistry()

COUNTERS_ACCEPTED: Final = Counter(
    "fusion_billing_counters_accepted",
    "Counters answered with 202: stored by the broker, on their way to the ledger",
    registry=REGISTRY,
)
COUNTERS_REJECTED: Final = Counter(
    "fusion_billing_counters_rejected",
    "Counters refused at the door, each with its reason",
    registry=REGISTRY,
)
REQUESTS: Final = Counter(
    "fusion_billing_http_requests",
    "Requests by route, method and status",
    ("route", "method", "status"),
    registry=REGISTRY,
)
REQUEST_SECONDS: Final = Histogram(
    "fusion_billing_http_request_seconds",
    "Time from the request's head read to its answer made, by route",
    ("route",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=REGISTRY,
)
PUBLISH_FAILURES: Final = Counter(
    "fusion_billing_publish_failures",
    "Batches that the broker did not confirm, answered with 503",
    registry=REGISTRY,
)

DEPENDENCY_UP: Final = (
    "fusion_billing_dependency_up",
    "1 when the dependency answered this scrape, else 0",
)
QUEUE_DEPTH: Final = ("fusion_billing_queue_batches", "Batches waiting in the broker")
BATCHES_WAITING: Final = (
    "fusion_billing_batches_waiting",
    "Batches received and not yet in the books",
)
OLDEST_BATCH: Final = (
    "fusion_billing_oldest_batch_age_seconds",
    "Age of the oldest batch that waits; 0 when none does",
)
COUNTERS_PARKED: Final = (
    "fusion_billing_counters_parked",
    "Counters waiting for their subscription or metric to become known",
)
PARKED_TOO_LONG: Final = (
    "fusion_billing_counters_parked_too_long",
    "Counters parked for longer than a day",
)
DEAD_LETTERS: Final = ("fusion_billing_dead_letters", "Messages that could not go on")
ROLLUPS_DIRTY: Final = (
    "fusion_billing_rollups_dirty",
    "Rollups that Odoo does not have in their newest revision",
)
WEBHOOKS_PENDING: Final = (
    "fusion_billing_webhooks_pending",
    "Webhook deliveries not yet made",
)
DRIFT: Final = (
    "fusion_billing_drift",
    "Differences between ledger and Odoo that the last comparison found, by level",
)
COMPARED_AGE: Final = (
    "fusion_billing_drift_check_age_seconds",
    "Time since the last whole comparison began; absent before the first",
)
ODOO_WELL: Final = (
    "fusion_billing_odoo_well",
    "1 when the last check of Odoo found no problem, else 0",
)
ODOO_KEY_EXPIRY: Final = (
    "fusion_billing_odoo_key_expiry_timestamp_seconds",
    "When the bridge's API key of Odoo expires; absent for one without end",
)


def render_metrics(depth: int | None, backlog: Backlog | None, now: datetime) -> bytes:
    """The text that Prometheus scrapes; None is a dependency that did not answer."""
    gauges = CollectorRegistry()
    gauges.register(_Gauges(depth, backlog, now))
    return generate_latest(_counted()) + generate_latest(gauges)


def _counted() -> CollectorRegistry:
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # no types
    return registry


class _Gauges(Collector):
    """What is looked up at each scrape, the same from whichever process answers."""

    def __init__(
        self, depth: int | None, backlog: Backlog | None, now: datetime
    ) -> None:
        self._depth = depth
        self._backlog = backlog
        self._now = now

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily(*DEPENDENCY_UP, labels=["dependency"])
        up.add_metric(["broker"], self._depth is not None)
        up.add_metric(["database"], self._backlog is not None)
        yield up
        if self._depth is not None:
            yield GaugeMetricFamily(*QUEUE_DEPTH, value=self._depth)
        if self._backlog is None:
            return
        oldest = self._backlog.oldest_batch_at
        age = 0.0 if oldest is None else (self._now - oldest).total_seconds()
        for names, value in (
            (BATCHES_WAITING, self._backlog.batches_waiting),
            (OLDEST_BATCH, max(age, 0.0)),
            (COUNTERS_PARKED, self._backlog.counters_parked),
            (PARKED_TOO_LONG, self._backlog.counters_parked_too_long),
            (DEAD_LETTERS, self._backlog.dead_letters),
            (ROLLUPS_DIRTY, self._backlog.rollups_dirty),
            (WEBHOOKS_PENDING, self._backlog.webhooks_pending),
        ):
            yield GaugeMetricFamily(*names, value=value)
        if self._backlog.odoo_well is not None:
            yield GaugeMetricFamily(*ODOO_WELL, value=self._backlog.odoo_well)
        if (expires_at := self._backlog.odoo_key_expires_at) is not None:
            yield GaugeMetricFamily(*ODOO_KEY_EXPIRY, value=expires_at.timestamp())
        yield from self._drift(self._backlog)

    def _drift(self, backlog: Backlog) -> Iterator[Metric]:
        drift = GaugeMetricFamily(*DRIFT, labels=["level"])
        drift.add_metric(["drift"], backlog.drift)
        drift.add_metric(["warning"], backlog.drift_warnings)
        drift.add_metric(["failed"], backlog.drift_failed)
        yield drift
        if backlog.compared_at is not None:
            age = (self._now - backlog.compared_at).total_seconds()
            yield GaugeMetricFamily(*COMPARED_AGE, value=max(age, 0.0))
