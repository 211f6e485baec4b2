"""An item as an app pushes it, and what the API reads of it."""

from typing import Any

from ingest_api.counters import read_counters
from schemas.messages import Counter

GOOD: dict[str, Any] = {
    "transaction_id": "t-1",
    "external_subscription_id": "sub-1",
    "code": "cpu_seconds",
    "timestamp": 1_767_225_600,
    "value": "12.50",
}
GOOD_US = 1_767_225_600_000_000


def without(*names: str, **more: Any) -> dict[str, Any]:
    """The good item without some fields, and with others."""
    return {**{k: v for k, v in GOOD.items() if k not in names}, **more}


def read(item: Any, **aggregations: str) -> tuple[list[Counter], list[Any]]:
    """The counter that the API reads, or the errors it refuses the item with."""
    counters, refusals = read_counters([item], aggregations)
    return list(counters), [refusal.errors for refusal in refusals]
