"""Current usage names things as Lago does."""

from ingest_api.usage_answer import AGGREGATION_TYPES
from schemas.catalog import AGGREGATIONS


def test_every_aggregation_of_the_catalog_has_lagos_name() -> None:
    assert set(AGGREGATION_TYPES) == set(AGGREGATIONS)
    assert AGGREGATION_TYPES["count"] == "count_agg"
