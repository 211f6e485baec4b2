"""Billable metrics in the shape that Lago's clients read."""

from typing import Any

from ingest_api.usage_answer import AGGREGATION_TYPES, instant_text
from ledger.catalog_pages import MetricEntry


def metric_answer(metric: MetricEntry) -> dict[str, Any]:
    """One metric. Without rounding it has no precision either."""
    rounded = metric.rounding != "none"
    return {
        "lago_id": metric.public_id,
        "name": metric.name,
        "code": metric.code,
        "description": metric.description,
        "aggregation_type": AGGREGATION_TYPES[metric.aggregation],
        "weighted_interval": None,
        "recurring": False,
        "rounding_function": metric.rounding if rounded else None,
        "rounding_precision": metric.rounding_precision if rounded else None,
        "expression": None,
        "field_name": metric.field_name,
        "created_at": instant_text(metric.created_at),
        "filters": [
            {"key": key, "values": list(values)}
            for key, values in metric.filters.items()
        ],
    }
