"""The proof of P4: every receipt adds up, every rollup is what its counters fold to.

Everything is recomputed from the counters, a page of subscriptions at a time, within
one snapshot, so that workers may go on while it runs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from ledger.db import Connection
from ledger.keys import ServiceUnknown
from ledger.queries import load_queries
from ledger.verify_page import Days, Mismatch, check_page

PAGE = 50

_SQL = load_queries("verify")


@dataclass
class ServiceProof:
    """What was found for one service. Sums are over its batches that are done."""

    service: str
    batches: int = 0
    received: int = 0
    applied: int = 0
    duplicate: int = 0
    conflict: int = 0
    rejected: int = 0
    parked: int = 0
    counters: int = 0
    voided: int = 0
    archived: int = 0
    waiting: int = 0
    dead: int = 0
    mismatches: list[Mismatch] = field(default_factory=list)


def verify_books(
    conn: Connection,
    service: str | None = None,
    progress: Callable[[str, int, int], None] = lambda _service, _done, _total: None,
    days: Days | None = None,
) -> list[ServiceProof]:
    """Prove one service's books or all; ``progress`` gets service, done, total.

    With ``days`` only the rollups and bills of the periods that overlap them.

    The connection must be fresh: the snapshot is taken here. Raises ServiceUnknown.
    """
    conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    services = conn.execute(_SQL["services"], {"service": service}).fetchall()
    if service is not None and not services:
        raise ServiceUnknown(service)
    return [_verify_service(conn, key, code, progress, days) for key, code in services]


def _verify_service(
    conn: Connection,
    service_id: int,
    code: str,
    progress: Callable[[str, int, int], None],
    days: Days | None,
) -> ServiceProof:
    proof = ServiceProof(code)
    key = {"service_id": service_id}
    _verify_batches(conn, service_id, proof)
    row = conn.execute(_SQL["subscription_count"], key).fetchone()
    total = row[0] if row else 0
    done, after_id = 0, 0
    while True:
        page = conn.execute(
            _SQL["subscription_page"], {**key, "after_id": after_id, "limit": PAGE}
        ).fetchall()
        if not page:
            break
        names: dict[int, str] = dict(page)
        row = conn.execute(
            _SQL["page_counters"], {"subscription_ids": list(names)}
        ).fetchone()
        assert row is not None  # noqa: S101 - an aggregate answers one row
        proof.counters += row[0]
        proof.voided += row[1]
        proof.mismatches += check_page(conn, names, days)
        after_id = page[-1][0]
        done += len(page)
        progress(code, done, total)
    row = conn.execute(_SQL["archived_counters"], key).fetchone()
    assert row is not None  # noqa: S101 - an aggregate answers one row
    proof.archived = int(row[0])
    held = proof.counters + proof.voided + proof.archived
    if held != proof.applied:
        proof.mismatches.append(
            Mismatch(
                "counters",
                code,
                f"receipts say that {proof.applied} counters were applied, the ledger "
                f"holds {proof.counters}, {proof.voided} voided and {proof.archived} "
                "archived",
            )
        )
    return proof


def _verify_batches(conn: Connection, service_id: int, proof: ServiceProof) -> None:
    key = {"service_id": service_id}
    totals = conn.execute(_SQL["batch_totals"], key).fetchone()
    assert totals is not None  # noqa: S101 - an aggregate answers one row
    proof.batches, proof.received, proof.applied, proof.duplicate = totals[:4]
    proof.conflict, proof.rejected, proof.parked = totals[4:]
    states: dict[str, int] = dict(
        conn.execute(_SQL["batches_by_state"], key).fetchall()
    )
    proof.waiting = states.get("queued", 0) + states.get("processing", 0)
    proof.dead = states.get("dead", 0)
    for batch_id, received, *sums, missing in conn.execute(_SQL["wrong_batches"], key):
        problem = (
            "has no outcomes"
            if missing
            else f"received {received}, its sums say {'+'.join(map(str, sums))}, "
            "its items say otherwise"
        )
        proof.mismatches.append(Mismatch("batch", str(batch_id), problem))
    for kind, claimed, query in (
        ("parked", proof.parked, "parked_count"),
        ("conflict", proof.conflict, "conflict_count"),
    ):
        row = conn.execute(_SQL[query], key).fetchone()
        if row and row[0] != claimed:
            problem = f"receipts have {claimed} such counters, {row[0]} are kept"
            proof.mismatches.append(Mismatch(kind, proof.service, problem))
    for (batch_id,) in conn.execute(_SQL["dead_without_letter"], key):
        proof.mismatches.append(
            Mismatch("batch", str(batch_id), "is dead and has no dead letter")
        )
