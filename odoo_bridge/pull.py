"""Pulls the catalog from Odoo, which owns it, into the ledger.

A full pull, by pages. It may run at any time and twice at once: every write is an
upsert of what Odoo says, and a row that has not changed writes nothing. A row that
cannot be taken is noted and passed over, so that it does not hold up the others. So is
one that was renamed in Odoo: the ledger and the apps know it by its old name.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
import structlog
from marshmallow import ValidationError

from ledger.catalog import (
    CatalogRowUnknown,
    ChargeRow,
    CustomerRow,
    MetricRow,
    PlanRow,
    ServiceRow,
    SubscriptionRow,
    mark_sync_failed,
    mark_synced,
    upsert_customer,
    upsert_metric,
    upsert_plan,
    upsert_service,
    upsert_subscription,
)
from ledger.db import Connection, transaction
from ledger.renames import CatalogRowRefused, refuse_rename
from odoo_bridge.client import OdooClient
from odoo_bridge.errors import OdooError, OdooInvalidError, OdooMisconfiguredError
from odoo_bridge.faults import one_line
from schemas.catalog_entries import Charge
from schemas.messages import plain_number
from schemas.odoo_rows import KINDS, read_row, tier_values

MODEL: Final = "fusion.billing.service"
PAGE_ROWS: Final = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PullReport:
    """How many rows of all kinds were taken, and why each of the others was not."""

    taken: int
    faults: tuple[str, ...]


def pull_catalog(client: OdooClient, database_url: str, now: datetime) -> PullReport:
    """Pull every kind, each row in a transaction of its own.

    Notes per kind in ``odoo_sync`` how it went. Raises OdooError when Odoo fails, and
    psycopg.OperationalError when the ledger is away; what was pulled so far stays.
    """
    taken, faults = 0, []
    for kind in KINDS:
        try:
            kind_taken, kind_faults = _pull_kind(client, database_url, kind)
        except OdooError as error:
            with transaction(database_url) as conn:
                mark_sync_failed(conn, kind, one_line(str(error)), now)
            raise
        with transaction(database_url) as conn:
            if kind_faults:
                summary = one_line(f"{len(kind_faults)} rows: {kind_faults[0]}")
                mark_sync_failed(conn, kind, summary, now)
            else:
                mark_synced(conn, kind, now)
        taken += kind_taken
        faults += kind_faults
    return PullReport(taken, tuple(faults))


def _pull_kind(
    client: OdooClient, database_url: str, kind: str
) -> tuple[int, list[str]]:
    taken, faults = 0, []
    for page in _pages(client, kind):
        with transaction(database_url) as conn:
            for row in page:
                fault = _take(conn, kind, row)
                if fault is None:
                    taken += 1
                else:
                    faults.append(fault)
    return taken, faults


def _pages(client: OdooClient, kind: str) -> Iterator[list[Any]]:
    """Pages by rising id, so that no row is left out between two of them."""
    after_id = 0
    while True:
        answer = client.repeat(
            MODEL, "export_catalog", kind=kind, after_id=after_id, limit=PAGE_ROWS
        )
        rows, last_id = _read_page(answer)
        if not rows:
            return
        yield rows
        if last_id <= after_id:
            raise OdooInvalidError(
                f"export_catalog({kind}) does not advance: {last_id}"
            )
        after_id = last_id


def _read_page(answer: Any) -> tuple[list[Any], int]:
    """A page's rows and last id. Raises OdooMisconfiguredError on another shape."""
    if isinstance(answer, Mapping):
        rows, last_id = answer.get("rows"), answer.get("last_id")
        if isinstance(rows, list) and type(last_id) is int:
            return rows, last_id
    raise OdooMisconfiguredError(
        "export_catalog answered something else than a page of rows; another version "
        "of the addon is installed in Odoo"
    )


def _take(conn: Connection, kind: str, row: Any) -> str | None:
    """Write one row and commit; answers why it could not be written."""
    key = row.get("id") if isinstance(row, dict) else None
    try:
        service, entry = read_row(kind, row)
        if type(key) is not int:
            raise ValidationError("is no id", "id")
        name = entry.external_id if hasattr(entry, "external_id") else entry.code
        with conn.transaction():
            refuse_rename(conn, kind, service, name, key)
            _WRITERS[kind](conn, service, entry, key)
    except ValidationError as error:
        reason = str(error.messages)
    except (CatalogRowRefused, CatalogRowUnknown, UnicodeEncodeError) as error:
        reason = str(error)
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        reason = error.diag.message_primary or str(error)
    else:
        return None
    log.warning("catalog_row_refused", kind=kind, odoo_id=key, reason=one_line(reason))
    return one_line(f"{kind} {key}: {reason}")


def _write_service(conn: Connection, service: str, entry: Any, odoo_id: int) -> None:
    name, mode = entry.name or entry.code, entry.mode or "shadow"
    upsert_service(conn, ServiceRow(service, name, mode, odoo_id))


def _write_metric(conn: Connection, service: str, entry: Any, odoo_id: int) -> None:
    row = MetricRow(service, **vars(entry), odoo_id=odoo_id)
    change = upsert_metric(conn, row)
    if change is not None:
        log.warning(
            "metric_aggregation_changed",
            service=service,
            metric=row.code,
            **vars(change),
        )


def _write_plan(conn: Connection, service: str, entry: Any, odoo_id: int) -> None:
    values = {
        **vars(entry),
        "price": plain_number(entry.price),
        "charges": tuple(_charge(charge) for charge in entry.charges),
    }
    upsert_plan(conn, PlanRow(service, **values, odoo_id=odoo_id))


def _write_customer(conn: Connection, service: str, entry: Any, odoo_id: int) -> None:
    upsert_customer(conn, CustomerRow(service, **vars(entry), odoo_id=odoo_id))


def _write_subscription(
    conn: Connection, service: str, entry: Any, odoo_id: int
) -> None:
    upsert_subscription(conn, SubscriptionRow(service, **vars(entry), odoo_id=odoo_id))


def _charge(charge: Charge) -> ChargeRow:
    size = charge.package_size
    return ChargeRow(
        metric=charge.metric,
        model=charge.model,
        included=plain_number(charge.included),
        price=plain_number(charge.price),
        package_size=None if size is None else plain_number(size),
        tiers=tuple(tier_values(charge.tiers)),
        minimum=plain_number(charge.minimum),
    )


_WRITERS: Final[dict[str, Callable[[Connection, str, Any, int], None]]] = {
    "service": _write_service,
    "metric": _write_metric,
    "plan": _write_plan,
    "customer": _write_customer,
    "subscription": _write_subscription,
}
