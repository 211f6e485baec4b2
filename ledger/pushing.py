"""Which rollups Odoo has not got yet: claiming them, and noting what became of them.

A claim has a lease (``push_after``) and is committed before the call. Everything here
may run twice: a mark only ever raises ``pushed_revision``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from ledger.current_usage import read_charge
from ledger.db import Connection
from ledger.queries import load_queries
from ledger.rating import Charge

LOCK_SPACE = 0x6662_7075 << 32
"""Advisory locks of pushing: this plus the subscription's key."""

_SQL = load_queries("push")


@dataclass(frozen=True)
class Claim:
    """A rollup to send, as it was when claimed; codes and external ids name it to Odoo.

    ``charge`` is what the subscription's plan charges for the metric, None: nothing.
    """

    subscription_id: int
    metric_id: int
    period_start: datetime
    period_end: datetime
    quantity: Decimal
    revision: int
    attempts: int
    service: str
    subscription: str
    metric: str
    currency: str
    charge: Charge | None


@dataclass(frozen=True)
class Refusal:
    """A claim that Odoo refused: why, and when to try again."""

    claim: Claim
    error: str
    retry_at: datetime


def lock_subscriptions(conn: Connection, limit: int, now: datetime) -> list[int]:
    """Lock, for this session, subscriptions that have rows to push; answers their keys.

    Those that another session has locked are left to it.
    """
    rows = conn.execute(
        _SQL["lock_subscriptions"],
        {"limit": limit, "now": now, "lock_space": LOCK_SPACE},
    )
    return [row[0] for row in rows]


def unlock_subscriptions(conn: Connection) -> None:
    """Unlock all that this session has locked."""
    conn.execute(_SQL["unlock_subscriptions"])


def claim_rollups(
    conn: Connection,
    subscription_ids: Sequence[int],
    limit: int,
    now: datetime,
    lease_until: datetime,
) -> list[Claim]:
    """Lease up to ``limit`` rows of these subscriptions, those that waited longest."""
    rows = conn.execute(
        _SQL["claim_rollups"],
        {
            "subscription_ids": list(subscription_ids),
            "limit": limit,
            "now": now,
            "lease_until": lease_until,
        },
    )
    return [_claim(*row) for row in rows]


def mark_pushed(conn: Connection, claims: Sequence[Claim]) -> None:
    """Note that Odoo has the revisions that were claimed."""
    revisions = [claim.revision for claim in claims]
    conn.execute(_SQL["mark_pushed"], {**_keys(claims), "revisions": revisions})


def mark_refused(conn: Connection, refusals: Sequence[Refusal]) -> None:
    """Note why rows were refused; they wait until ``retry_at``."""
    conn.execute(
        _SQL["mark_refused"],
        {
            **_keys([refusal.claim for refusal in refusals]),
            "retry_at": [refusal.retry_at for refusal in refusals],
            "errors": [refusal.error for refusal in refusals],
        },
    )


def release_rollups(
    conn: Connection, claims: Sequence[Claim], lease_until: datetime
) -> None:
    """End the leases of a call that failed as a whole; no row is to blame for it."""
    conn.execute(_SQL["release_rollups"], {**_keys(claims), "lease_until": lease_until})


def push_failed_before(conn: Connection, kind: str) -> bool:
    """Whether the last push failed as a whole."""
    row = conn.execute(_SQL["push_failed_before"], {"kind": kind}).fetchone()
    return row is not None and bool(row[0])


def _claim(*row: Any) -> Claim:
    *values, model, included, price, package_size, tiers = row
    charge = model and read_charge(model, included, price, package_size, tiers)
    return Claim(*(*values, charge))


def _keys(claims: Sequence[Claim]) -> Mapping[str, list[Any]]:
    return {
        "subscription_ids": [claim.subscription_id for claim in claims],
        "metric_ids": [claim.metric_id for claim in claims],
        "period_starts": [claim.period_start for claim in claims],
    }
