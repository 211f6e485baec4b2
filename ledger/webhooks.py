"""The pump's side of the outbox: claim with a lease, then finish.

A claim is committed before anything is sent, so that a crash leaves a lease that runs
out, and never a delivery that nobody remembers (P10). ``finish_deliveries`` is fenced
on the lease and the attempt: it may run twice, or after another pump took over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from psycopg.types.json import Jsonb

from ledger.db import Connection
from ledger.queries import load_queries

IN_FLIGHT_PER_ENDPOINT = 16
# An endpoint whose last attempt failed: what hangs must not take many places.
IN_FLIGHT_WHILE_FAILING = 2
IN_FLIGHT_TOTAL = 128
# An endpoint with nothing in flight gets a first place beyond the total, up to here;
# also what a kill of the pump can cost in duplicates, at the very most.
IN_FLIGHT_FIRST_PLACES = 512
# At least twice the longest exchange (15 s), so that a live attempt keeps its lease.
LEASE = timedelta(seconds=40)
_LEADER_KEY = 0x66627768  # "fbwh"; any constant that only the pump uses

_SQL = load_queries("webhooks")


class Outcome(StrEnum):
    """How an attempt ended, as webhook_attempt.outcome has it."""

    DELIVERED = "delivered"
    HTTP_STATUS = "http_status"
    REDIRECT = "redirect"
    GONE = "gone"
    TIMEOUT = "timeout"
    CONNECTION_FAILED = "connection_failed"
    TLS_FAILED = "tls_failed"
    INVALID_RESPONSE = "invalid_response"
    INVALID_URL = "invalid_url"
    BLOCKED_TARGET = "blocked_target"
    SECRET_UNREADABLE = "secret_unreadable"  # noqa: S105 - the name of an outcome
    WORKER_LOST = "worker_lost"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True)
class Claim:
    """One attempt that may be made now. Secrets are encrypted as they are stored; the
    old ones, None as a rule, are those that still sign beside the other.

    ``organization_id``: of a body in Lago's style, else None.
    ``attempt`` counts from 1; ``failures`` is how many attempts failed before.
    """

    endpoint_id: UUID
    message_id: str
    attempt: int
    failures: int
    lease_until: datetime
    service_id: int
    type: str
    body: bytes
    created_at: datetime
    url: str
    secret: bytes
    signature_algo: str
    body_style: str
    old_secrets: Sequence[bytes] | None
    organization_id: UUID | None

    @property
    def lost(self) -> int:
        """How many attempts went with their worker."""
        return self.attempt - 1 - self.failures


@dataclass(frozen=True)
class Result:
    """An attempt that was made, and what becomes of its delivery.

    ``state`` is delivered, pending (then ``due_at`` says when it is tried again) or
    dead. ``response`` is text without NUL characters.
    """

    claim: Claim
    outcome: Outcome
    status: int | None
    response: str
    started_at: datetime
    finished_at: datetime
    state: str
    failures: int
    due_at: datetime | None


def lead_claims(conn: Connection) -> bool:
    """Whether this session now is the one that claims; it is until ``conn`` closes.

    Claims by one session at a time keep the caps exact; leases alone keep them safe.
    """
    row = conn.execute(_SQL["lead_claims"], {"key": _LEADER_KEY}).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM answers one row
    return bool(row[1])


def claim_deliveries(
    conn: Connection,
    now: datetime,
    *,
    per_endpoint: int = IN_FLIGHT_PER_ENDPOINT,
    in_total: int = IN_FLIGHT_TOTAL,
) -> list[Claim]:
    """Lease what is due and fits under the caps; commit before sending.

    Places go round: a first one to each endpoint before a second one to any. So that
    none waits for another's time-outs, the first is given beyond ``in_total`` too.
    A delivery whose lease ran out is claimed again, and its attempt of then recorded as
    ``worker_lost``.
    """
    rows = conn.execute(
        _SQL["claim_deliveries"],
        {
            "now": now,
            "lease": LEASE,
            "per_endpoint": per_endpoint,
            "while_failing": min(per_endpoint, IN_FLIGHT_WHILE_FAILING),
            "in_total": in_total,
            "first_places": max(in_total, IN_FLIGHT_FIRST_PLACES),
        },
        binary=True,
    )
    return [Claim(*row) for row in rows]


def finish_deliveries(
    conn: Connection, results: Sequence[Result]
) -> set[tuple[UUID, str]]:
    """Record results; returns (endpoint_id, message_id) of those that still counted.

    In the same statement an endpoint is noted as failing or no more, a 410 disables it,
    and a dead delivery gets its row in dead_letter.
    """
    claims = [result.claim for result in results]
    rows = conn.execute(
        _SQL["finish_deliveries"],
        {
            "endpoint_ids": [claim.endpoint_id for claim in claims],
            "message_ids": [claim.message_id for claim in claims],
            "attempts": [claim.attempt for claim in claims],
            "leases": [claim.lease_until for claim in claims],
            "service_ids": [claim.service_id for claim in claims],
            "created_ats": [claim.created_at for claim in claims],
            "states": [result.state for result in results],
            "failures": [result.failures for result in results],
            "due_ats": [result.due_at for result in results],
            "started_ats": [result.started_at for result in results],
            "finished_ats": [result.finished_at for result in results],
            "statuses": [result.status for result in results],
            "outcomes": [str(result.outcome) for result in results],
            "responses": [result.response for result in results],
            "payloads": [_payload(result) for result in results],
        },
    )
    return {(row[0], row[1]) for row in rows}


def _payload(result: Result) -> Jsonb | None:
    if result.state != "dead":
        return None
    claim = result.claim
    # The body for reading; a replay sends the bytes of webhook_message.
    body = claim.body.decode("utf-8", "replace").replace("\0", "\ufffd")
    return Jsonb(
        {
            "endpoint_id": str(claim.endpoint_id),
            "message_id": claim.message_id,
            "type": claim.type,
            "url": claim.url,
            "body": body,
        }
    )
