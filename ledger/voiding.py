"""Taking a counter back: it stops counting, and stays on record with who and why.

In a period that is not frozen the rollup is folded again without it; in a frozen one it
becomes a correction in the first open period. Its identity is free afterwards: pushed
again, it counts again. Nothing is edited; the counter moves to ``counter_void``.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from ledger.db import Connection
from ledger.late import begin_correction
from ledger.periods import first_open_period
from ledger.queries import load_queries
from ledger.refolding import Scope, refold, refold_correction
from ledger.rerating import exclude_folds
from ledger.terms import read_terms

_SQL = load_queries("voiding")


class CounterUnknown(LookupError):
    """The service has no such counter in its books: never pushed, or still on its way,
    parked, rejected."""


class CounterArchived(LookupError):
    """The counter's period is archived: it cannot change any more.

    Also of an identity that is not in the books, where its subscription has archived
    counters of the metric: it cannot be told from theirs.
    """


@dataclass(frozen=True)
class Identity:
    """What names a counter within its service."""

    external_subscription_id: str
    code: str
    transaction_id: str


@dataclass(frozen=True)
class Void:
    """A counter that was taken back, as it was; one of value and members is set.

    ``voided_in`` begins the period whose bill it changes: its own, or for a frozen one
    the period that has the correction. The ends are None when the terms were changed
    since, so that there is no such period any more.
    """

    occurred_at: datetime
    value: Decimal | None
    members: list[str] | None
    batch_id: UUID
    item_index: int
    period_start: datetime
    period_end: datetime | None
    voided_in: datetime
    voided_in_end: datetime | None
    voided_at: datetime
    voided_by: str
    reason: str

    @property
    def is_correction(self) -> bool:
        """Whether its own period was frozen."""
        return self.voided_in != self.period_start


def void_counter(
    conn: Connection,
    service_id: int,
    identity: Identity,
    now: datetime,
    by: str,
    reason: str,
) -> Void:
    """Take a counter back, in this transaction; excludes the service's folds.

    One that was taken back before, and not pushed again since, is answered as it was
    then: repeating is safe. Raises CounterUnknown or CounterArchived.
    """
    names = {"service_id": service_id, **identity.__dict__}
    exclude_folds(conn, service_id)
    who = {"now": now, "by": by, "reason": reason}
    found = conn.execute(_SQL["find_counter"], names).fetchone()
    if found is not None:
        _take_back(conn, names, found, who)
    else:
        conn.execute(_SQL["take_over_void"], {**names, **who})
    row = conn.execute(_SQL["last_void"], names).fetchone()
    if row is None:
        if conn.execute(_SQL["has_archived"], names).fetchone():
            raise CounterArchived(identity.transaction_id)
        raise CounterUnknown(identity.transaction_id)
    return Void(*row)


def _take_back(
    conn: Connection,
    names: dict[str, Any],
    found: tuple[Any, ...],
    who: dict[str, Any],
) -> None:
    subscription_id, metric_id, period_start, aggregation, frozen, archived = found
    if archived:
        raise CounterArchived(names["transaction_id"])
    scope = Scope(subscription_id, metric_id, period_start, period_start)
    voided_in = period_start
    if frozen:
        row = conn.execute(_SQL["subscription_terms"], scope.__dict__).fetchone()
        assert row is not None  # noqa: S101 - found one statement ago
        period = first_open_period(read_terms(*row))
        voided_in = period.start
        begin_correction(
            conn, subscription_id, metric_id, period_start, period, who["now"]
        )
    conn.execute(
        _SQL["keep_void"], {**names, **scope.__dict__, **who, "voided_in": voided_in}
    )
    if frozen:
        refold_correction(conn, scope, voided_in, aggregation)
    else:
        refold(conn, scope)
