"""Retention: counters of sealed periods that ended long ago go to files.

A file holds what the seals of a service's periods of one month cover: of each bill, the
counters that came into it and those that left it. So a counter that came late goes with
the bill that has its correction, and each seal can be taken again from one file. What
was taken back also stays in ``counter_void``.

The steps, each repeatable: copy to a temporary name, rename, record the file and close
its periods in one short transaction that excludes folds, delete in batches beside them.
A period that is closed takes no late counter and no void any more. Its identities are
forgotten: one that comes again with a timestamp of a period that is not closed is new.

Not by dropping monthly partitions: PostgreSQL has no unique key over partitions without
the partition's own column in it, so the same identity with another timestamp would be
counted twice in periods that can still change. Rows are deleted instead, in key order.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from urllib.parse import quote

import psycopg

from ledger.archive_deleting import empty_file
from ledger.db import Connection
from ledger.durable_file import sha256_of, write_gzip
from ledger.keys import ServiceUnknown
from ledger.locks import ARCHIVE_LOCK
from ledger.queries import load_queries
from ledger.rerating import exclude_folds

Report = Callable[[str, str], None]
"""Called with a file's name and the step that is done: copied, written, recorded,
deleted (each batch), emptied."""

_SQL = load_queries("archiving")


class ArchiveRefused(RuntimeError):
    """Archiving cannot go on; nothing is lost, and the text says what to do."""


@dataclass(frozen=True)
class ArchivedFile:
    """A file with its periods, its lines, and how many counters the ledger gave up."""

    file_name: str
    month: date
    periods: int
    lines: int
    counters: int


@dataclass(frozen=True)
class Archive:
    """What to archive, where to. ``conn`` is in autocommit and nobody else's."""

    conn: Connection
    service_id: int
    service: str
    folder: Path
    now: datetime
    report: Report = lambda _name, _step: None


def take_turn(conn: Connection) -> None:
    """Be the only one who archives, as long as the session. Raises ArchiveRefused."""
    row = conn.execute(_SQL["take_turn"], {"lock_space": ARCHIVE_LOCK}).fetchone()
    if row is None or not row[0]:
        raise ArchiveRefused("counters are being archived by another process already")


def services(conn: Connection, service: str | None) -> list[tuple[int, str]]:
    """Keys and codes of one service or all. Raises ServiceUnknown."""
    rows = conn.execute(_SQL["services"], {"service": service}).fetchall()
    if service is not None and not rows:
        raise ServiceUnknown(service)
    return rows


def plan_archive(archive: Archive, months: int) -> list[ArchivedFile]:
    """What would be archived: files, none written, no counter deleted."""
    planned = []
    for month, periods in _pick(archive, months):
        row = archive.conn.execute(_SQL["count_lines"], {"month": month}).fetchone()
        assert row is not None  # noqa: S101 - an aggregate answers one row
        name = _file_name(archive, month)
        planned.append(ArchivedFile(name, month, periods, row[0], 0))
    return planned


def archive_counters(archive: Archive, months: int) -> Iterator[ArchivedFile]:
    """Archive what ended that many months ago; first, finish what was begun before.

    Raises ArchiveRefused or OSError; run again, it goes on where it was.
    """
    key = {"service_id": archive.service_id}
    unfinished = archive.conn.execute(_SQL["unfinished_files"], key).fetchall()
    for file_id, month, file_name, sha256, lines, periods in unfinished:
        _check_written(archive.folder / file_name, sha256)
        yield _emptied(archive, file_id, file_name, month, periods, lines)
    for month, _ in _pick(archive, months):
        file_name = _file_name(archive, month)
        while periods := _picked(archive.conn, month):
            lines = _write(archive, month, file_name)
            file_id = _record(archive, month, file_name, lines)
            if file_id is not None:
                yield _emptied(archive, file_id, file_name, month, periods, lines)
                break


def _emptied(
    archive: Archive,
    file_id: int,
    file_name: str,
    month: date,
    periods: int,
    lines: int,
) -> ArchivedFile:
    def deleted() -> None:
        archive.report(file_name, "deleted")

    counters = empty_file(archive.conn, file_id, archive.now, deleted)
    archive.report(file_name, "emptied")
    return ArchivedFile(file_name, month, periods, lines, counters)


def _pick(archive: Archive, months: int) -> list[tuple[date, int]]:
    """Note the periods to archive in the session; answers their months and numbers."""
    conn = archive.conn
    conn.execute(_SQL["make_picked"])
    conn.execute(_SQL["forget_picked"])
    conn.execute(
        _SQL["pick"],
        {"service_id": archive.service_id, "now": archive.now, "months": months},
    )
    conn.execute(_SQL["analyze_picked"])
    return conn.execute(_SQL["picked_months"]).fetchall()


def _picked(conn: Connection, month: date) -> int:
    row = conn.execute(_SQL["count_picked"], {"month": month}).fetchone()
    assert row is not None  # noqa: S101 - an aggregate answers one row
    return int(row[0])


def _file_name(archive: Archive, month: date) -> str:
    """One that no recorded file has: a month's second one is for what had to wait."""
    row = archive.conn.execute(
        _SQL["next_number"], {"service_id": archive.service_id, "month": month}
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate answers one row
    number = "" if row[0] == 1 else f".{row[0]}"
    return f"{quote(archive.service, safe='')}-{month:%Y-%m}{number}.csv.gz"


def _write(archive: Archive, month: date, file_name: str) -> int:
    """Copy the month's lines to their file; answers how many."""
    cursor = archive.conn.cursor()
    with cursor.copy(_SQL["copy_lines"], {"month": month}) as copy:
        write_gzip(
            archive.folder / file_name,
            copy,
            lambda: archive.report(file_name, "copied"),
        )
    archive.report(file_name, "written")
    return cursor.rowcount


def _record(archive: Archive, month: date, file_name: str, lines: int) -> int | None:
    """Record the file and close its periods; answers its key.

    None: some must wait and were left out, so that the file has to be written again.
    """
    conn, path = archive.conn, archive.folder / file_name
    values = {
        "service_id": archive.service_id,
        "month": month,
        "file_name": file_name,
        "sha256": sha256_of(path),
        "lines": lines,
        "now": archive.now,
    }
    try:
        with conn.transaction():
            conn.execute(_SQL["limit_wait"])
            exclude_folds(conn, archive.service_id)
            changed = conn.execute(_SQL["drop_changed"], values).rowcount
            row = None
            if not changed:
                row = conn.execute(_SQL["record_file"], values).fetchone()
                assert row is not None  # noqa: S101 - an insert without conflicts
                conn.execute(_SQL["mark_periods"], {**values, "file_id": row[0]})
    except psycopg.errors.LockNotAvailable as error:
        raise ArchiveRefused(
            f"{archive.service} is too busy to close periods; run it again later"
        ) from error
    if row is None:
        path.unlink()
        return None
    archive.report(file_name, "recorded")
    return int(row[0])


def _check_written(path: Path, sha256: bytes) -> None:
    try:
        found = sha256_of(path)
    except FileNotFoundError as error:
        raise ArchiveRefused(
            f"{path} is not there, and not all of its counters are deleted yet; give "
            "the directory that it was written to"
        ) from error
    if found != sha256:
        raise ArchiveRefused(
            f"{path} is not what was written, and not all of its counters are deleted "
            "yet; put it back first"
        )
