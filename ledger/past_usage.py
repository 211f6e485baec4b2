"""What a subscription's frozen periods were billed at: read back, never rated again."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ledger.charge_json import charge_from_json
from ledger.db import Connection
from ledger.periods import Period
from ledger.queries import load_queries
from ledger.subscribers import find_subscription
from ledger.unrated import rating_of
from ledger.usage import ChargeUsage, PeriodUsage, frozen_rating, read_corrections

_SQL = load_queries("past_usage")


class MetricUnknown(LookupError):
    """The service has no such metric."""


@dataclass(frozen=True)
class PastUsage:
    """A page of frozen periods, the newest first; ``total`` is how many there are."""

    periods: tuple[PeriodUsage, ...]
    total: int


def check_metric(conn: Connection, service_id: int, code: str) -> None:
    """Raises MetricUnknown when the service has none of this code."""
    names = {"service_id": service_id, "code": code}
    if conn.execute(_SQL["metric"], names).fetchone() is None:
        raise MetricUnknown(code)


def past_usage(
    conn: Connection,
    service_id: int,
    customer_external_id: str,
    subscription_external_id: str,
    *,
    newest: int | None,
    limit: int,
    offset: int,
) -> PastUsage:
    """A page of the frozen periods; of the ``newest`` only (None: of all).

    Raises CustomerUnknown, SubscriptionUnknown or ChargeUnratable.
    """
    key, terms = find_subscription(
        conn, service_id, customer_external_id, subscription_external_id
    )
    wanted = {"subscription_id": key, "newest": newest}
    row = conn.execute(_SQL["count_periods"], wanted).fetchone()
    assert row is not None  # noqa: S101 - a count is a row
    rows = conn.execute(_SQL["periods"], {**wanted, "limit": limit, "offset": offset})
    periods = [(Period(start, end), currency) for start, end, currency in rows]
    starts = [period.start for period, _ in periods]
    charges = _read_charges(conn, key, starts)
    corrections = read_corrections(conn, key, starts)
    usages = tuple(
        PeriodUsage(
            period,
            terms.timezone,
            currency,
            charges[period.start],
            corrections[period.start],
        )
        for period, currency in periods
    )
    return PastUsage(usages, row[0])


def _read_charges(
    conn: Connection, subscription_id: int, period_starts: Sequence[datetime]
) -> dict[datetime, tuple[ChargeUsage, ...]]:
    rows = conn.execute(
        _SQL["charges"],
        {"subscription_id": subscription_id, "period_starts": list(period_starts)},
    )
    found: dict[datetime, list[ChargeUsage]] = defaultdict(list)
    for period_start, *row in rows:
        found[period_start].append(_charge(*row))
    return {start: tuple(found[start]) for start in period_starts}


def _charge(
    charge_id: UUID,
    model: str,
    metric_id: UUID,
    code: str,
    name: str,
    aggregation: str,
    events: int,
    stored: dict[str, Any],
) -> ChargeUsage:
    with rating_of(code):
        rating, charge = frozen_rating(stored), charge_from_json(stored["charge"])
    return ChargeUsage(
        charge_id, model, metric_id, code, name, aggregation, events, rating, charge
    )
