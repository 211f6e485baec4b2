"""Notes in the ledger what became of the rows of a call.

A row that Odoo refuses is tried again with back-off, about 50 minutes long. Then it is
dead: one dead letter, and one attempt a day, see ledger.push_dead. What Odoo takes at
last has no dead letter any more.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from ledger.catalog import mark_synced
from ledger.db import Connection
from ledger.push_claims import Claim
from ledger.push_dead import DeadRow, bury_rows, clear_letters
from ledger.pushing import (
    Overtaken,
    Refusal,
    mark_pushed,
    mark_refused,
    raise_revisions,
)
from odoo_bridge.sending import Encoded, Outcome
from schemas.odoo_rows import odoo_time

SYNC_KIND: Final = "push"
FIRST_WAIT: Final = timedelta(seconds=10)
LONGEST_WAIT: Final = timedelta(minutes=15)
MAX_ATTEMPTS: Final = 10
"""After 10 + 20 + … + 640 s and twice 15 minutes a row is dead."""
DEAD_WAIT: Final = timedelta(days=1)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PushReport:
    """How many rows Odoo took and refused; stale: it had a newer revision already.

    A stale row is sent again with a revision above Odoo's, where Odoo tells it.
    ``dead``: refused ones that were given up for the day.
    """

    pushed: int = 0
    refused: int = 0
    stale: int = 0
    dead: int = 0

    def __add__(self, more: "PushReport") -> "PushReport":
        """Both together."""
        return PushReport(
            self.pushed + more.pushed,
            self.refused + more.refused,
            self.stale + more.stale,
            self.dead + more.dead,
        )


def mark_outcomes(
    conn: Connection,
    claims: Sequence[Claim],
    encoded: Encoded,
    outcomes: Sequence[Outcome],
    now: datetime,
) -> PushReport:
    """Note an outcome per claim, in one transaction.

    May run twice: a mark only raises ``pushed_revision``, and a letter is one.
    """
    done, refusals, dead, overtaken, stale = [], [], [], [], 0
    for place, (claim, outcome) in enumerate(zip(claims, outcomes, strict=True)):
        if outcome.status == "error":
            refusal = _refusal(claim, outcome.reason, now)
            refusals.append(refusal)
            names = _names(claim)
            if refusal.revive_at is not None:
                payload = encoded.rows.get(place, names)
                dead.append(DeadRow(claim, dict(payload), outcome.reason))
            log.warning("rollup_refused", reason=outcome.reason, **names)
            continue
        if outcome.status == "stale":
            stale += 1
            held = outcome.revision
            log.warning("rollup_stale_in_ledger", odoo_revision=held, **_names(claim))
            if held is not None and held > claim.revision:
                # At once, and later only if that does not help.
                retry_at = now + _wait(claim.attempts) if claim.attempts else now
                overtaken.append(Overtaken(claim, held, retry_at))
        done.append(claim)
    with conn.transaction():
        mark_pushed(conn, done, now)
        clear_letters(conn, done)
        raised = raise_revisions(conn, overtaken)
        mark_refused(conn, refusals)
        bury_rows(conn, dead, now)
        mark_synced(conn, SYNC_KIND, now)
    if raised:
        log.warning("rollup_revisions_raised", rollups=raised)
    if dead:
        log.error("rollups_dead", rollups=len(dead), attempts=MAX_ATTEMPTS)
    return PushReport(len(done) - raised, len(refusals), stale, len(dead))


def _refusal(claim: Claim, reason: str, now: datetime) -> Refusal:
    """When to try again.

    A dead row whose revision changes is due at once the first time, and then only a
    while after its last attempt: a busy one would be sent and refused all day.
    """
    attempts = claim.attempts + 1
    if attempts < MAX_ATTEMPTS:
        return Refusal(claim, reason, now + _wait(claim.attempts))
    revive_at = now if attempts == MAX_ATTEMPTS else now + LONGEST_WAIT
    return Refusal(claim, reason, now + _spread(DEAD_WAIT), revive_at)


def _wait(attempts: int) -> timedelta:
    """10 s, 20 s, 40 s … 15 min, give or take a quarter."""
    doublings = min(attempts, 10)
    return _spread(min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT))


def _spread(wait: timedelta) -> timedelta:
    return wait * random.uniform(0.75, 1.25)


def _names(claim: Claim) -> dict[str, Any]:
    return {
        "service": claim.service,
        "subscription": claim.subscription,
        "metric": claim.metric,
        "period_start": odoo_time(claim.period_start),
        "revision": claim.revision,
    }
