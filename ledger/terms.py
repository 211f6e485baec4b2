"""Reading what decides a subscription's periods, and which of them are frozen."""

from collections.abc import Mapping
from datetime import datetime

from ledger.db import Connection
from ledger.periods import Change, Period, Terms
from ledger.place import FrozenPeriod
from ledger.queries import load_queries

_SQL = load_queries("terms")

TermsById = dict[int, Terms]


def read_terms(
    interval: str,
    anchor: str,
    timezone: str,
    started_at: datetime,
    ended_at: datetime | None,
    frozen_until: datetime | None,
    changed_at: list[datetime],
    changed_to: list[str],
) -> Terms:
    """The columns of the view subscription_terms, in this order, as a value."""
    changes = zip(changed_at, changed_to, strict=True)
    return Terms(
        interval,
        anchor,
        timezone,
        started_at,
        ended_at,
        tuple(Change(at, to) for at, to in changes),
        frozen_until,
    )


def terms_of(
    conn: Connection,
    service: str,
    *,
    subscription: str | None = None,
    plan: str | None = None,
) -> TermsById:
    """Terms by key: of the subscription with this external id, or of a plan's.

    A plan's are all that have it now, or had it in a part of their life.
    """
    names = {"service": service, "subscription": subscription, "plan": plan}
    rows = conn.execute(_SQL["terms_of"], names)
    return {key: read_terms(*row) for key, *row in rows}


def frozen_periods(
    conn: Connection, earliest: Mapping[int, datetime]
) -> dict[int, tuple[FrozenPeriod, ...]]:
    """The frozen periods of subscriptions that end after an instant, in their order."""
    keys = list(earliest)
    rows = conn.execute(
        _SQL["frozen_periods"],
        {"subscription_ids": keys, "earliest": [earliest[key] for key in keys]},
    )
    found: dict[int, list[FrozenPeriod]] = {key: [] for key in keys}
    for key, start, end, metric_ids, aggregations, archived in rows:
        folds = dict(zip(metric_ids, aggregations, strict=True))
        found[key].append(FrozenPeriod(Period(start, end), folds, archived))
    return {key: tuple(periods) for key, periods in found.items()}
