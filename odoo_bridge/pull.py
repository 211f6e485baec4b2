"""Pulls the catalog from Odoo, which owns it, into the ledger.

A full pull, by pages. It may run at any time and twice at once: every write is an
upsert of what Odoo says, and a row that has not changed writes nothing. A row that
cannot be taken is noted and passed over, so that it does not hold up the others. So is
one that was renamed in Odoo: the ledger and the apps know it by its old name. And one
that takes too long, or meets what runs beside it: the next pull tries it again.

Each row is a transaction of its own, since one that has a subscription's usage counted
again may take minutes, with its service's folds shut out: no other service waits for
it. Hence the limits, which are longer than those of shared connections, and the task's
(schemas/broker.py), which is longer than theirs.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import psycopg
import structlog
from celery.exceptions import SoftTimeLimitExceeded
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
from ledger.db import CONTENTION, Connection, Limits, long_work, transaction
from ledger.renames import CatalogRowRefused, refuse_rename
from odoo_bridge.client import OdooClient
from odoo_bridge.errors import OdooError, OdooInvalidError, OdooMisconfiguredError
from odoo_bridge.faults import one_line
from schemas.catalog_entries import Charge
from schemas.messages import plain_number
from schemas.odoo_rows import KINDS, read_row, tier_values

MODEL: Final = "fusion.billing.service"
PAGE_ROWS: Final = 500
LIMITS: Final = Limits(statement_seconds=600, lock_seconds=20)
"""A fold, for whose lock a row may have to wait, ends within 18 seconds."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PullReport:
    """How many rows of all kinds were taken, and why each of the others was not.

    ``passed_over``: kind, service and name of those others, as far as they have them.
    """

    taken: int
    faults: tuple[str, ...]
    passed_over: frozenset[tuple[str, str, str]]


@dataclass
class _Tally:
    """The same while it grows, of one kind."""

    taken: int = 0
    faults: list[str] = field(default_factory=list)
    passed_over: set[tuple[str, str, str]] = field(default_factory=set)


def pull_catalog(
    client: OdooClient, database_url: str, now: datetime, limits: Limits = LIMITS
) -> PullReport:
    """Pull every kind, each row in a transaction of its own.

    Notes per kind in ``odoo_sync`` how it went. Raises OdooError when Odoo fails, and
    psycopg.Error when the ledger does; what was pulled so far stays.
    """
    tallies = [_pull_kind(client, database_url, kind, now, limits) for kind in KINDS]
    return PullReport(
        sum(tally.taken for tally in tallies),
        tuple(fault for tally in tallies for fault in tally.faults),
        frozenset(name for tally in tallies for name in tally.passed_over),
    )


def _pull_kind(
    client: OdooClient, database_url: str, kind: str, now: datetime, limits: Limits
) -> _Tally:
    tally = _Tally()
    try:
        for page in pages(client, kind):
            with long_work(database_url, limits) as conn:
                for row in page:
                    _take(conn, kind, row, tally)
    except (OdooError, psycopg.Error, SoftTimeLimitExceeded) as error:
        # A ledger that is away cannot note it; the first error is the one to tell.
        with suppress(psycopg.Error), transaction(database_url) as conn:
            reason = str(error) or type(error).__name__
            mark_sync_failed(conn, kind, one_line(reason), now)
        raise
    with transaction(database_url) as conn:
        if tally.faults:
            summary = one_line(f"{len(tally.faults)} rows: {tally.faults[0]}")
            mark_sync_failed(conn, kind, summary, now)
        else:
            mark_synced(conn, kind, now)
    return tally


def pages(client: OdooClient, kind: str) -> Iterator[list[Any]]:
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


def _take(conn: Connection, kind: str, row: Any, tally: _Tally) -> None:
    """Write one row and commit; or note why it could not be written."""
    key = row.get("id") if isinstance(row, dict) else None
    service = name = None
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
    except (psycopg.DataError, psycopg.IntegrityError, *CONTENTION) as error:
        reason = error.diag.message_primary or str(error)
    else:
        tally.taken += 1
        return
    log.warning("catalog_row_refused", kind=kind, odoo_id=key, reason=one_line(reason))
    tally.faults.append(one_line(f"{kind} {key}: {reason}"))
    if service is not None and name is not None:
        tally.passed_over.add((kind, service, name))


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
