"""The pump: claims due deliveries, sends them, records what came of it, for a while.

Three parts run side by side, so that none waits for another: claims fill the free
places, each exchange is a task of its own, and a writer records whatever has ended
since its last commit. PostgreSQL is the place of truth; killed at any point, the pump
leaves leases that run out, and their deliveries are made again under the same ids.
"""

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
import structlog

from ledger.db import Connection, connect, transaction
from ledger.retries import next_attempt_at
from ledger.sealing import SecretUnreadable
from ledger.webhooks import (
    Claim,
    Outcome,
    Result,
    claim_deliveries,
    finish_deliveries,
    lead_claims,
)
from workers.webhooks.dialling import TOTAL_TIMEOUT_SECONDS, Sessions, open_sessions
from workers.webhooks.exchange import Answer, post_webhook
from workers.webhooks.letters import Signer

POLL_SECONDS = 0.2
# Longer than the beat between two kicks, so that some pump is always looking.
LINGER_SECONDS = 2.5
# A delivery that was in flight each time its worker died is suspected of killing it.
MAX_LOST = 20
# Look-ups of names that nobody answers for hold a thread for many seconds each; the
# loop's own few would soon be gone.
NAME_THREADS = 64
_WRITE_RETRY_SECONDS = 0.5
_WRITE_GRACE_SECONDS = 5.0

log = structlog.get_logger()


@dataclass(frozen=True)
class PumpSummary:
    """What one run did. ``led`` is False when another pump was claiming already.

    claimed = delivered + failed + dead + overtaken (a lease ran out before the end).
    """

    led: bool
    claimed: int = 0
    delivered: int = 0
    failed: int = 0
    dead: int = 0
    overtaken: int = 0


def pump(
    database_url: str,
    secret_key: str,
    *,
    issuer: str,
    allow_loopback: bool,
    seconds: float,
    linger_seconds: float = LINGER_SECONDS,
) -> PumpSummary:
    """Deliver what is due until nothing has been for ``linger_seconds``.

    Claims for at most ``seconds``, then waits for what is in flight: 15 s more in the
    worst case. While one pump claims, another returns at once; while one waits for its
    last exchanges, the next may claim. ``issuer`` is whom JWT signatures name. Safe to
    kill at any moment. Raises psycopg.OperationalError when PostgreSQL goes away.
    """
    with connect(database_url) as conn:
        conn.autocommit = True
        if not lead_claims(conn):
            return PumpSummary(led=False)
        run = _Run(database_url, Signer(secret_key, issuer), conn)
        return asyncio.run(run.deliver(allow_loopback, seconds, linger_seconds))


class _Run:
    def __init__(self, database_url: str, signer: Signer, conn: Connection) -> None:
        self._database_url = database_url
        self._signer = signer
        self._conn = conn
        self._unrecorded = 0  # claims whose end is not committed yet
        self._flying: set[asyncio.Task[None]] = set()
        self._results: list[Result] = []
        self._some_ended = asyncio.Event()
        self._places_freed = asyncio.Event()
        self._all_ended = False
        self._tally = dict.fromkeys(
            ("claimed", "delivered", "failed", "dead", "overtaken"), 0
        )

    async def deliver(
        self, allow_loopback: bool, seconds: float, linger_seconds: float
    ) -> PumpSummary:
        # Threads of their own: slow name servers may fill those of the loop.
        with ThreadPoolExecutor(2, "webhook-ledger") as self._threads:
            loop = asyncio.get_running_loop()
            loop.set_default_executor(ThreadPoolExecutor(NAME_THREADS, "webhook-names"))
            clock = loop.time
            stop = clock() + seconds
            give_up = stop + TOTAL_TIMEOUT_SECONDS + _WRITE_GRACE_SECONDS
            async with open_sessions(allow_loopback=allow_loopback) as sessions:
                writer = asyncio.create_task(self._write_results(give_up))
                try:
                    await self._claim_until(stop, linger_seconds, sessions, writer)
                finally:
                    self._conn.close()  # from here on another pump may claim
                    await asyncio.gather(*self._flying)
                    self._all_ended = True
                    self._some_ended.set()
                    await writer
        return PumpSummary(led=True, **self._tally)

    async def _claim_until(
        self,
        stop: float,
        linger_seconds: float,
        sessions: Sessions,
        writer: asyncio.Task[None],
    ) -> None:
        loop = asyncio.get_running_loop()
        busy_at = loop.time()
        while loop.time() < stop and not writer.done():
            self._places_freed.clear()
            # Before the claim: places that are freed during it are for the next one.
            was_busy = self._unrecorded > 0
            claims = await loop.run_in_executor(self._threads, self._claim)
            self._tally["claimed"] += len(claims)
            self._unrecorded += len(claims)
            for claim in claims:
                task = asyncio.create_task(self._attempt(claim, sessions))
                self._flying.add(task)
                task.add_done_callback(self._flying.discard)
            if was_busy or claims:
                busy_at = loop.time()
            elif loop.time() - busy_at >= linger_seconds:
                return
            # All that was due and had a place is taken: wait for places, or for news.
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._places_freed.wait()
            except TimeoutError:
                continue

    def _claim(self) -> list[Claim]:
        claims = claim_deliveries(self._conn, _now())
        self._signer.prepare(self._conn, claims)
        return claims

    async def _attempt(self, claim: Claim, sessions: Sessions) -> None:
        started_at = _now()
        if claim.lost > MAX_LOST:
            answer = Answer(Outcome.WORKER_LOST)
        else:
            try:
                letter = self._signer.write(claim, started_at)
            except SecretUnreadable:
                answer = Answer(Outcome.SECRET_UNREADABLE)
            else:
                answer = await post_webhook(sessions, claim, letter, started_at)
        self._results.append(judge_attempt(claim, answer, started_at, _now()))
        self._some_ended.set()

    async def _write_results(self, give_up: float) -> None:
        while not self._all_ended or self._results:
            await self._some_ended.wait()
            self._some_ended.clear()
            if self._results:
                results, self._results = self._results, []
                self._count(results, await self._write(results, give_up))
                self._unrecorded -= len(results)
                self._places_freed.set()

    async def _write(self, results: list[Result], give_up: float) -> set[object]:
        loop = asyncio.get_running_loop()
        while True:
            try:
                return await loop.run_in_executor(self._threads, self._finish, results)
            except psycopg.OperationalError:
                # What was sent is worth remembering: unwritten, it is sent again.
                if loop.time() > give_up:
                    raise
                await asyncio.sleep(_WRITE_RETRY_SECONDS)

    def _finish(self, results: list[Result]) -> set[object]:
        with transaction(self._database_url) as conn:
            return set(finish_deliveries(conn, results))

    def _count(self, results: list[Result], taken: set[object]) -> None:
        for result in results:
            claim = result.claim
            if (claim.endpoint_id, claim.message_id) not in taken:
                ending = "overtaken"
            else:
                ending = "failed" if result.state == "pending" else result.state
            self._tally[ending] += 1
            if ending != "delivered":
                log.warning(
                    "webhook_not_delivered",
                    ending=ending,
                    outcome=str(result.outcome),
                    status=result.status,
                    endpoint_id=str(claim.endpoint_id),
                    message_id=claim.message_id,
                    attempt=claim.attempt,
                )


def judge_attempt(
    claim: Claim, answer: Answer, started_at: datetime, finished_at: datetime
) -> Result:
    """What becomes of a delivery after this answer: delivered, tried again, or dead."""
    if answer.outcome is Outcome.DELIVERED:
        state, failures, due_at = "delivered", claim.failures, None
    else:
        failures = claim.failures + 1
        due_at = next_attempt_at(
            failures,
            finished_at,
            jitter=random.random(),
            retry_after=answer.retry_after,
        )
        if answer.outcome is Outcome.WORKER_LOST:
            due_at = None
        state = "pending" if due_at else "dead"
    return Result(
        claim=claim,
        outcome=answer.outcome,
        status=answer.status,
        response=answer.response,
        started_at=started_at,
        finished_at=finished_at,
        state=state,
        failures=failures,
        due_at=due_at,
    )


def _now() -> datetime:
    return datetime.now(UTC)
