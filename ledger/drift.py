"""What the comparison with Odoo reads and writes in the ledger.

A rollup can be compared while Odoo has its newest revision and none newer comes in the
meantime: so it is looked at before and after Odoo is asked.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ledger.db import Connection
from ledger.locks import DRIFT_LOCK
from ledger.queries import load_queries

SYNC_KIND: Final = "drift"

RollupKey = tuple[int, int, datetime, datetime]
"""subscription_id, metric_id, period_start, usage_start."""

_BEGINNING: Final = datetime(1, 1, 1, tzinfo=UTC)
FIRST: Final[RollupKey] = (0, 0, _BEGINNING, _BEGINNING)
"""Before all of them."""

_SQL = load_queries("drift")


@dataclass(frozen=True)
class UsageCodes:
    """A row of usage by the codes that Odoo knows it by; as ``RollupKey`` otherwise."""

    service: str
    subscription: str
    metric: str
    period_start: datetime
    usage_start: datetime


@dataclass(frozen=True)
class Refused:
    """A rollup that Odoo does not take, and why."""

    codes: UsageCodes
    revision: int
    error: str


@dataclass(frozen=True)
class DriftReport:
    """How many things of a service were compared, and what of it is not the same."""

    compared: int = 0
    drift: int = 0
    warnings: int = 0
    failed: int = 0


@dataclass(frozen=True)
class LastLook:
    """When the last comparison began that came to its end, and the last that failed."""

    began_at: datetime | None
    failed_at: datetime | None


def pushed_rollups(
    conn: Connection, service: str | None, after: RollupKey, limit: int
) -> dict[RollupKey, int]:
    """The next rollups that Odoo has in their newest revision: key and revision."""
    names = ("subscription_id", "metric_id", "period_start", "usage_start")
    values = dict(zip(names, after, strict=True))
    rows = conn.execute(
        _SQL["pushed_rollups"], {**values, "service": service, "limit": limit}
    )
    return {(row[0], row[1], row[2], row[3]): row[4] for row in rows}


def still_pushed(
    conn: Connection, revisions: Mapping[RollupKey, int]
) -> set[RollupKey]:
    """Those that are as they were: in that revision, and in Odoo."""
    values = {**_columns(revisions), "revisions": list(revisions.values())}
    rows = conn.execute(_SQL["still_pushed"], values)
    return {(row[0], row[1], row[2], row[3]) for row in rows}


def invoices_of(conn: Connection, keys: Sequence[RollupKey]) -> dict[RollupKey, int]:
    """Odoo's invoice that each was put on, of those that were put on one."""
    rows = conn.execute(_SQL["invoices_of"], _columns(keys))
    return {(row[0], row[1], row[2], row[3]): row[4] for row in rows}


def unknown_usage(conn: Connection, rows: Sequence[UsageCodes]) -> list[int]:
    """The places of those for which the ledger has no rollup."""
    values = {
        "services": [row.service for row in rows],
        "subscriptions": [row.subscription for row in rows],
        "metrics": [row.metric for row in rows],
        "period_starts": [row.period_start for row in rows],
        "usage_starts": [row.usage_start for row in rows],
    }
    return [row[0] - 1 for row in conn.execute(_SQL["unknown_usage"], values)]


def refused_rollups(conn: Connection, service: str | None, limit: int) -> list[Refused]:
    """What Odoo has refused more than once and does not have yet."""
    values = {"service": service, "limit": limit}
    rows = conn.execute(_SQL["refused_rollups"], values)
    return [Refused(UsageCodes(*row[:5]), row[5], row[6]) for row in rows]


def push_again(
    conn: Connection,
    revisions: Mapping[RollupKey, int],
    held: Sequence[int],
    now: datetime,
) -> int:
    """Have rollups pushed again, by a revision above the one that Odoo holds.

    ``revisions``: the ledger's, when they were compared; ``held``: Odoo's, 0: none.
    Answers how many. Twice, the second finds them raised already and does nothing.
    """
    values = {
        **_columns(revisions),
        "revisions": list(revisions.values()),
        "held": list(held),
        "now": now,
    }
    return conn.execute(_SQL["push_again"], values).rowcount


def lock_drift(conn: Connection) -> bool:
    """Lock the comparison until the session ends; False: another one runs."""
    row = conn.execute(_SQL["try_lock"], {"lock_space": DRIFT_LOCK}).fetchone()
    return row is not None and bool(row[0])


def last_look(conn: Connection) -> LastLook:
    """Of whole comparisons, whoever made them."""
    row = conn.execute(_SQL["last_look"], {"kind": SYNC_KIND}).fetchone()
    return LastLook(*row) if row else LastLook(None, None)


def store_reports(
    conn: Connection, reports: Mapping[str, DriftReport], now: datetime, *, all_of: bool
) -> None:
    """Note what a comparison came to, by service; ``all_of``: those are all services.

    Safe to repeat: what is noted are totals.
    """
    for service, report in reports.items():
        values = {**vars(report), "service": service, "checked_at": now}
        conn.execute(_SQL["store_report"], values)
    if all_of:
        conn.execute(_SQL["drop_old_reports"], {"checked_at": now})


def known_services(conn: Connection) -> list[str]:
    """The codes of all services."""
    return [row[0] for row in conn.execute(_SQL["known_services"])]


def _columns(keys: Iterable[RollupKey]) -> dict[str, list[Any]]:
    names = ("subscription_ids", "metric_ids", "period_starts", "usage_starts")
    rows = list(keys)
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}
