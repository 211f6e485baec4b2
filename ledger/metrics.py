"""Writing a metric: as pulled from Odoo, or as an app makes it."""

import json
from dataclasses import replace

from ledger.catalog_read import read_metric
from ledger.catalog_rows import NEWER_TERMS, MetricRow, metric_row_of
from ledger.db import Connection
from ledger.holding import METRIC, unsent_fields
from ledger.queries import load_queries
from ledger.refolding import AggregationChange, refold_metric
from ledger.rerating import exclude_folds, rerate_metric
from ledger.services import need_service
from schemas.catalog_json import metric_filter_values

_SQL = load_queries("metrics")


def upsert_metric(conn: Connection, row: MetricRow) -> AggregationChange | None:
    """Write a metric, but for what an app changed and Odoo has not taken yet.

    As ``write_metric``, and raises the same.
    """
    kept = unsent_fields(conn, METRIC, row.service, row.code)
    kept |= frozenset(NEWER_TERMS[METRIC] if row.partial else ())
    held = read_metric(conn, row.service, row.code) if kept else None
    if held is not None:
        mine = vars(metric_row_of(row.service, held, None))
        row = replace(row, **{field: mine[field] for field in kept})
    return write_metric(conn, row)


def write_metric(conn: Connection, row: MetricRow) -> AggregationChange | None:
    """Write a metric; answers what another aggregation than before has done to usage.

    Its open periods are folded again from their counters, the frozen ones stay. Another
    rounding sends the usage of running periods out again. Raises CatalogRowUnknown when
    its service is not known.
    """
    service_id = need_service(conn, row.service)
    known = conn.execute(_SQL["metric_terms"], row.__dict__).fetchone()
    before = known[1] if known else row.aggregation
    if before != row.aggregation:
        exclude_folds(conn, service_id)
    filters = json.dumps(metric_filter_values(row.filters))
    written = conn.execute(
        _SQL["write_metric"], {**row.__dict__, "filters": filters}
    ).fetchone()
    if written is not None:
        derive_dimensions(conn, [written[0]])
    if known and known[2:] != (row.rounding, row.rounding_precision):
        rerate_metric(conn, service_id, known[0])
    if known is None or before == row.aggregation:
        return None
    return refold_metric(conn, known[0], before, row.aggregation)


def derive_dimensions(conn: Connection, metric_ids: list[int]) -> None:
    """Note by which properties usage of the metrics is told apart, in charges too."""
    conn.execute(_SQL["derive_dimensions"], {"metric_ids": metric_ids})
