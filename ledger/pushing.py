"""Which rollups Odoo has not got yet: claiming them, and noting what became of them.

``push_after`` is when a row became due, and rows go out in that order; that of a
claimed row is the end of its lease, that of a refused one its next attempt. A claim is
committed before the call. Everything here may run twice: a mark only ever raises
``pushed_revision``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ledger.db import Connection
from ledger.parts import read_usages
from ledger.push_claims import Claim, claim_of, line_of
from ledger.queries import load_queries

LOCK_SPACE = 0x6662_7075 << 32
"""Advisory locks of pushing: this plus the subscription's key."""
LANE_SPACE = 0x6662_706C << 32
"""Advisory locks of those who push: this plus the number of a lane."""

_SQL = load_queries("push")


@dataclass(frozen=True)
class Refusal:
    """A claim that Odoo refused: why, and when to try again.

    ``revive_at``, of a dead one: when to try a revision that has changed.
    """

    claim: Claim
    error: str
    retry_at: datetime
    revive_at: datetime | None = None


@dataclass(frozen=True)
class Overtaken:
    """A claim older than the revision that Odoo holds, and when to send it again."""

    claim: Claim
    held: int
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


def unlock_subscriptions(conn: Connection, subscription_ids: Sequence[int]) -> None:
    """Unlock each once; a session that locked one twice keeps it."""
    given = {"subscription_ids": list(subscription_ids), "lock_space": LOCK_SPACE}
    conn.execute(_SQL["unlock_subscriptions"], given)


def lock_lane(conn: Connection, lanes: int) -> bool:
    """Take one of so many lanes for this session; False when others have them all."""
    given = {"lanes": lanes, "lock_space": LANE_SPACE}
    return conn.execute(_SQL["lock_lane"], given).fetchone() is not None


def claim_rollups(
    conn: Connection,
    subscription_ids: Sequence[int],
    limit: int,
    now: datetime,
    lease_until: datetime,
) -> list[Claim]:
    """Lease up to ``limit`` rows of these subscriptions, those that waited longest.

    Call it outside a transaction: rows are read, with what they are rated by, in one
    statement after the lease, whose snapshot has a revision and the prices of that
    revision. A price that changes afterwards raises the revision again.
    """
    leased = conn.execute(
        _SQL["lease_rollups"],
        {
            "subscription_ids": list(subscription_ids),
            "limit": limit,
            "now": now,
            "lease_until": lease_until,
        },
    ).fetchall()
    return read_claims(conn, leased)


def read_claims(conn: Connection, keys: Sequence[tuple[Any, ...]]) -> list[Claim]:
    """These rows as they are now, in the order of their keys.

    A key is (subscription_id, metric_id, period_start, usage_start).
    """
    if not keys:
        return []
    names = ("subscription_ids", "metric_ids", "period_starts", "usage_starts")
    columns = [list(column) for column in zip(*keys, strict=True)]
    values = dict(zip(names, columns, strict=True))
    claims = [claim_of(*row) for row in conn.execute(_SQL["read_claims"], values)]
    usages = read_usages(conn, [line_of(claim) for claim in claims])
    return [
        claim if claim.usage == usage else replace(claim, usage=usage)
        for claim, usage in zip(claims, usages, strict=True)
    ]


def mark_pushed(conn: Connection, claims: Sequence[Claim], now: datetime) -> None:
    """Note that Odoo has the revisions that were claimed."""
    revisions = [claim.revision for claim in claims]
    values = {**_keys(claims), "revisions": revisions, "now": now}
    conn.execute(_SQL["mark_pushed"], values)


def raise_revisions(conn: Connection, rows: Sequence[Overtaken]) -> int:
    """Raise revisions above Odoo's, for those rows that are behind; answers how many.

    Those are to be pushed again at ``retry_at``. A row that is not behind, or not any
    more, stays as it is: a late call was stale, or a fold has raised it in between.
    """
    return conn.execute(
        _SQL["raise_revisions"],
        {
            **_keys([row.claim for row in rows]),
            "held": [row.held for row in rows],
            "retry_at": [row.retry_at for row in rows],
        },
    ).rowcount


def mark_refused(conn: Connection, refusals: Sequence[Refusal]) -> None:
    """Note why rows were refused; they wait until ``retry_at``."""
    conn.execute(
        _SQL["mark_refused"],
        {
            **_keys([refusal.claim for refusal in refusals]),
            "revisions": [refusal.claim.revision for refusal in refusals],
            "revive_at": [refusal.revive_at for refusal in refusals],
            "retry_at": [refusal.retry_at for refusal in refusals],
            "errors": [refusal.error for refusal in refusals],
        },
    )


def release_rollups(
    conn: Connection, claims: Sequence[Claim], lease_until: datetime, now: datetime
) -> None:
    """End the leases of a call that failed as a whole; no row is to blame for it."""
    values = {**_keys(claims), "lease_until": lease_until, "now": now}
    conn.execute(_SQL["release_rollups"], values)


def push_failed_before(conn: Connection, kind: str) -> bool:
    """Whether the last push failed as a whole."""
    row = conn.execute(_SQL["push_failed_before"], {"kind": kind}).fetchone()
    return row is not None and bool(row[0])


def _keys(claims: Sequence[Claim]) -> Mapping[str, list[Any]]:
    return {
        "subscription_ids": [claim.subscription_id for claim in claims],
        "metric_ids": [claim.metric_id for claim in claims],
        "period_starts": [claim.period_start for claim in claims],
        "usage_starts": [claim.usage_start for claim in claims],
    }
