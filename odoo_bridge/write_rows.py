"""Writes what was read of a row of Odoo's into the ledger, whatever its kind."""

from collections.abc import Callable
from typing import Any, Final

import structlog

from ledger.catalog import (
    CustomerRow,
    ServiceRow,
    SubscriptionRow,
    upsert_customer,
    upsert_metric,
    upsert_plan,
    upsert_service,
    upsert_subscription,
)
from ledger.catalog_rows import metric_row_of, plan_row_of
from ledger.db import Connection
from ledger.invoices import upsert_invoice
from schemas.odoo_rows import tells_newer_terms

log = structlog.get_logger(__name__)


def write_row(
    conn: Connection, kind: str, row: Any, service: str, entry: Any, odoo_id: int
) -> None:
    """Write it, but for what an app changed and Odoo has not taken yet.

    ``row``: as it came; ``service`` and ``entry``: as it was read. What an addon does
    not know stays as the ledger has it. Raises CatalogRowUnknown.
    """
    if kind == "metric":
        _write_metric(conn, row, service, entry, odoo_id)
    elif kind == "plan":
        partial = not tells_newer_terms(kind, row)
        upsert_plan(conn, plan_row_of(service, entry, odoo_id, partial))
    else:
        _WRITERS[kind](conn, service, entry, odoo_id)


def _write_metric(
    conn: Connection, row: Any, service: str, entry: Any, odoo_id: int
) -> None:
    partial = not tells_newer_terms("metric", row)
    change = upsert_metric(conn, metric_row_of(service, entry, odoo_id, partial))
    if change is not None:
        log.warning(
            "metric_aggregation_changed",
            service=service,
            metric=entry.code,
            **vars(change),
        )


def _write_service(conn: Connection, service: str, entry: Any, odoo_id: int) -> None:
    name, mode = entry.name or entry.code, entry.mode or "shadow"
    upsert_service(conn, ServiceRow(service, name, mode, odoo_id))


def _write_customer(conn: Connection, service: str, entry: Any, odoo_id: int) -> None:
    upsert_customer(conn, CustomerRow(service, **vars(entry), odoo_id=odoo_id))


def _write_subscription(
    conn: Connection, service: str, entry: Any, odoo_id: int
) -> None:
    upsert_subscription(conn, SubscriptionRow(service, **vars(entry), odoo_id=odoo_id))


def _write_invoice(conn: Connection, service: str, entry: Any, odoo_id: int) -> None:
    upsert_invoice(conn, service, odoo_id, entry)


_WRITERS: Final[dict[str, Callable[[Connection, str, Any, int], None]]] = {
    "service": _write_service,
    "customer": _write_customer,
    "subscription": _write_subscription,
    "invoice": _write_invoice,
}
