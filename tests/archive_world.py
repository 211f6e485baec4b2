"""Archiving as the command does it, for tests."""

from datetime import UTC, datetime
from pathlib import Path

import psycopg

from ledger.archive_proof import prove_files
from ledger.archiving import Archive, ArchivedFile, Report, archive_counters, take_turn
from ledger.verify import verify_books
from tests.ledger_world import World

NOW = datetime(2027, 3, 10, tzinfo=UTC)
"""January 2026 ended more than 13 months ago, February did not."""
LATER = datetime(2027, 5, 10, tzinfo=UTC)
"""So did February and March."""


def archive(
    url: str,
    world: World,
    folder: Path,
    now: datetime = NOW,
    report: Report = lambda _name, _step: None,
) -> list[ArchivedFile]:
    """One run over one service, on a connection of its own."""
    with psycopg.connect(url, autocommit=True, options="-c timezone=UTC") as conn:
        take_turn(conn)
        run = Archive(conn, world.service_id, world.code, folder, now, report)
        return list(archive_counters(run, 13))


def mismatches(url: str, world: World) -> list[object]:
    """What verify finds."""
    with psycopg.connect(url, options="-c timezone=UTC") as conn:
        (proof,) = verify_books(conn, world.code)
        return list(proof.mismatches)


def faults(url: str, folder: Path) -> list[str]:
    """What proving the files finds."""
    with psycopg.connect(url, options="-c timezone=UTC") as conn:
        proofs = prove_files(conn, folder)
        return [f"{p.file_name}: {fault}" for p in proofs for fault in p.faults]
