"""Pushes rollups to Odoo, up to 1,000 in one call, until none is left.

Claim with a lease and commit, call, mark. Whatever happens in between, nothing is lost
and nothing is wrong: a row stays dirty until its sent revision is marked; the values
are absolute, so that sending them again changes nothing; and Odoo ignores a revision
older than its own, so that a call which comes late cannot put an old value back.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from ledger.catalog import mark_sync_failed, mark_synced
from ledger.db import Connection, connect
from ledger.pushing import (
    Claim,
    Refusal,
    claim_rollups,
    lock_subscriptions,
    mark_pushed,
    mark_refused,
    push_failed_before,
    release_rollups,
    unlock_subscriptions,
)
from ledger.rating import rate_usage
from odoo_bridge.client import OdooClient
from odoo_bridge.errors import (
    OdooError,
    OdooInvalidError,
    OdooMisconfiguredError,
    OdooTooLargeError,
)
from schemas.messages import plain_number
from schemas.odoo_rows import odoo_time

MODEL: Final = "fusion.billing.usage"
METHOD: Final = "upsert_rollups"
SYNC_KIND: Final = "push"
MAX_ROWS: Final = 1_000
MAX_CALLS: Final = 32
"""Of one batch, when Odoo refuses it whole and the rows to blame are searched for."""

# Short, since a crash of the worker should cost no more delay than this. A call that
# takes longer is still alone: the advisory lock lasts as long as the worker's session.
LEASE: Final = timedelta(seconds=30)
FIRST_WAIT: Final = timedelta(seconds=10)
LONGEST_WAIT: Final = timedelta(minutes=15)
RUN_SECONDS: Final = 120.0

log = structlog.get_logger(__name__)

Row = dict[str, Any]


@dataclass(frozen=True)
class PushReport:
    """How many rows Odoo took and refused; stale: it had a newer revision already."""

    pushed: int = 0
    refused: int = 0
    stale: int = 0


def push_rollups(
    client: OdooClient, database_url: str, clock: Callable[[], datetime]
) -> PushReport:
    """Push what is dirty, batch after batch, for at most two minutes.

    Safe to repeat, and to run several times at once. After a push that failed as a
    whole it first sends none, so that an Odoo that is away costs a small call a time
    and no write. Raises OdooError, and psycopg.OperationalError: the rows stay dirty.
    """
    pushed = refused = stale = 0
    began = time.monotonic()
    # A connection of its own: advisory locks belong to the session.
    with connect(database_url) as conn:
        conn.autocommit = True
        while time.monotonic() - began < RUN_SECONDS:
            batch = _push_batch(client, conn, clock)
            if batch is None:
                break
            pushed += batch.pushed
            refused += batch.refused
            stale += batch.stale
    return PushReport(pushed, refused, stale)


def _push_batch(
    client: OdooClient, conn: Connection, clock: Callable[[], datetime]
) -> PushReport | None:
    """One batch; None when there is none to push."""
    now = clock()
    subscription_ids = lock_subscriptions(conn, MAX_ROWS, now)
    try:
        if not subscription_ids:
            return None
        _probe(client, conn, now)
        lease_until = now + LEASE
        claims = claim_rollups(conn, subscription_ids, MAX_ROWS, now, lease_until)
        if not claims:
            return None
        try:
            outcomes = _send(client, claims)
        except OdooError as error:
            release_rollups(conn, claims, lease_until)
            mark_sync_failed(conn, SYNC_KIND, str(error), now)
            raise
        return _mark(conn, claims, outcomes, clock())
    finally:
        if not conn.broken:
            unlock_subscriptions(conn)


def _probe(client: OdooClient, conn: Connection, now: datetime) -> None:
    """After a failure, push nothing first: the same call, rights and addon, no rows."""
    if not push_failed_before(conn, SYNC_KIND):
        return
    try:
        client.call(MODEL, METHOD, rows=[])
    except OdooError as error:
        mark_sync_failed(conn, SYNC_KIND, str(error), now)
        raise
    mark_synced(conn, SYNC_KIND, now)


def rollup_row(claim: Claim) -> Row:
    """A rollup as upsert_rollups takes it, rated by the plan as it is now.

    Raises ValueError when its charge cannot be rated.
    """
    included = overage = amount = "0"
    if claim.charge is not None:
        try:
            rating = rate_usage(claim.charge, claim.quantity, claim.currency)
        except (ArithmeticError, KeyError, StopIteration, ValueError) as error:
            raise ValueError(f"the charge cannot be rated: {error!r}") from error
        included = plain_number(rating.included)
        overage = plain_number(rating.overage)
        amount = plain_number(rating.amount)
    return {
        "service": claim.service,
        "subscription": claim.subscription,
        "metric": claim.metric,
        "period_start": odoo_time(claim.period_start),
        "period_end": odoo_time(claim.period_end),
        "quantity": plain_number(claim.quantity),
        "included": included,
        "overage": overage,
        "amount": amount,
        "currency": claim.currency,
        "revision": claim.revision,
        "state": "open",
    }


def _send(client: OdooClient, claims: Sequence[Claim]) -> list[str]:
    """Send all; answers a status per claim, or "error: " and why.

    A batch that is refused whole is halved, so that the row to blame is found and the
    others go through.
    """
    outcomes = [""] * len(claims)
    rows: dict[int, Row] = {}
    for index, claim in enumerate(claims):
        try:
            rows[index] = rollup_row(claim)
        except ValueError as error:
            outcomes[index] = f"error: {error}"
    parts, calls = [list(rows)] if rows else [], 0
    while parts:
        part = parts.pop()
        calls += 1
        try:
            answer = client.repeat(MODEL, METHOD, rows=[rows[i] for i in part])
        except (OdooInvalidError, OdooTooLargeError) as error:
            if len(part) > 1 and calls < MAX_CALLS:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
            else:
                for index in part:
                    outcomes[index] = f"error: {error}"
        else:
            for place, outcome in _read_answer(answer, len(part)):
                outcomes[part[place]] = outcome
    return outcomes


def _read_answer(answer: Any, rows: int) -> list[tuple[int, str]]:
    """Each row's place and outcome. Raises OdooMisconfiguredError on another shape."""
    try:
        found = [(int(row["index"]), row["status"], row["reason"]) for row in answer]
    except (KeyError, TypeError, ValueError) as error:
        raise OdooMisconfiguredError(
            f"{METHOD} answered something else than a result per row; another version "
            "of the addon is installed in Odoo"
        ) from error
    return [
        (place, f"error: {reason}" if status == "error" else str(status))
        for place, status, reason in found
        if 0 <= place < rows
    ]


def _mark(
    conn: Connection, claims: Sequence[Claim], outcomes: Sequence[str], now: datetime
) -> PushReport:
    done, refusals, stale = [], [], 0
    for claim, outcome in zip(claims, outcomes, strict=True):
        if outcome in ("created", "updated", "unchanged", "stale"):
            done.append(claim)
            if outcome == "stale":
                stale += 1
                log.warning("rollup_stale_in_ledger", **_names(claim))
        else:
            error = outcome.removeprefix("error: ") or "Odoo gave no result for the row"
            refusals.append(Refusal(claim, error, now + _wait(claim.attempts)))
            log.warning("rollup_refused", reason=error, **_names(claim))
    with conn.transaction():
        mark_pushed(conn, done)
        mark_refused(conn, refusals)
        mark_synced(conn, SYNC_KIND, now)
    return PushReport(len(done), len(refusals), stale)


def _wait(attempts: int) -> timedelta:
    """10 s, 20 s, 40 s … 15 min, give or take a quarter."""
    doublings = min(attempts, 10)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT) * random.uniform(0.75, 1.25)


def _names(claim: Claim) -> dict[str, Any]:
    return {
        "service": claim.service,
        "subscription": claim.subscription,
        "metric": claim.metric,
        "period_start": odoo_time(claim.period_start),
        "revision": claim.revision,
    }
