"""Where the pull of each kind stands, and which records Odoo has not got any more.

A record that was deleted in Odoo is marked, and nothing else is done to it: counters,
periods and bills hang on it, and a deletion may be a mistake, or a backup that is on
its way back. A subscription goes on metering; its usage waits, unbilled, for a person.
An invoice that is gone was a draft, which nobody owes: it is no longer shown.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.db import Connection
from ledger.locks import PULL_LOCK
from ledger.queries import load_queries

_SQL = load_queries("pulling")


@dataclass(frozen=True)
class Pull:
    """The last complete pull of a kind.

    All that Odoo wrote before ``watermark`` was taken, but for the ids ``passed_over``.
    ``source`` and ``odoo_transaction`` tell the Odoo that this holds for.
    """

    kind: str
    watermark: datetime
    full_at: datetime | None
    passed_over: tuple[int, ...]
    source: str
    odoo_transaction: int


@dataclass(frozen=True)
class Seen:
    """A row as Odoo showed it: its id there and, if they could be read, its names."""

    odoo_id: int
    service: str | None
    name: str | None


@dataclass(frozen=True)
class Lost:
    """A record of the ledger that Odoo has not got any more."""

    id: int
    service: str
    name: str
    odoo_id: int


def lock_pulls(conn: Connection, *, wait: bool) -> bool:
    """Let nobody else pull until the session ends; False: another one does.

    ``wait``: until that has ended. Raises psycopg.errors.LockNotAvailable when it takes
    longer than the connection waits for a lock.
    """
    name = "wait_for_lock" if wait else "try_lock"
    row = conn.execute(_SQL[name], {"lock_space": PULL_LOCK}).fetchone()
    return wait or (row is not None and bool(row[0]))


def read_pulls(conn: Connection) -> dict[str, Pull]:
    """The last pull of each kind that was ever pulled to its end."""
    found = conn.execute(_SQL["read_pulls"]).fetchall()
    return {
        kind: Pull(kind, mark, full_at, tuple(passed_over), source, transaction)
        for kind, mark, full_at, passed_over, source, transaction in found
    }


def finish_pull(
    conn: Connection,
    pull: Pull,
    *,
    asked: Collection[int],
    full: bool,
    anew: bool,
) -> None:
    """Note a complete pull. ``asked``: ids passed over before, and asked for again.

    Two pulls may end in any order: the watermark is the greater, and an id that either
    of them passed over stays until a later one has asked for it. ``full``: it saw all
    rows, the last time when ``pull.full_at`` says. ``anew``: it does not go on from the
    last one, whose watermark is another clock's.
    """
    values = {
        **pull.__dict__,
        "refused": list(pull.passed_over),
        "asked": list(asked),
        "full": full,
        "anew": anew,
    }
    conn.execute(_SQL["finish_pull"], values)


def note_present(conn: Connection, kind: str, page: Sequence[Seen]) -> list[int]:
    """Take the mark off what Odoo has (again); answers the records' keys."""
    found = conn.execute(_SQL["find_present"], {"kind": kind, **_columns(page)})
    keys = [key for (key,) in found]
    if keys:
        conn.execute(_SQL[f"mark_{kind}"], {"keys": keys, "at": None})
    return keys


def find_absent(
    conn: Connection, kind: str, after_id: int, last_id: int, page: Sequence[Seen]
) -> list[int]:
    """Odoo's ids from ``after_id`` (without) to ``last_id`` that the page lacks."""
    values = {"kind": kind, "after_id": after_id, "last_id": last_id, **_columns(page)}
    return [key for (key,) in conn.execute(_SQL["find_absent"], values)]


def mark_lost(
    conn: Connection,
    kind: str,
    absent: Collection[int],
    shown: Sequence[Seen],
    now: datetime,
) -> list[Lost]:
    """Mark the records of the absent ids but for those shown; answers the new ones."""
    values = {"kind": kind, "absent": list(absent), **_columns(shown)}
    lost = [Lost(*row) for row in conn.execute(_SQL["find_missing"], values)]
    if lost:
        keys = [record.id for record in lost]
        conn.execute(_SQL[f"mark_{kind}"], {"keys": keys, "at": now})
    return lost


def count_deleted(conn: Connection, kind: str) -> None:
    """Note how many of a kind Odoo has not got any more."""
    conn.execute(_SQL["count_deleted"], {"kind": kind})


def _columns(page: Sequence[Seen]) -> dict[str, list[object]]:
    return {
        "ids": [row.odoo_id for row in page],
        "services": [row.service for row in page],
        "names": [row.name for row in page],
    }
