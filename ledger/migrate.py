"""Brings a database to the newest shape: ordered SQL files, each in one transaction.

Forward only. Two processes that migrate at once wait for each other (advisory lock).
"""

import hashlib
from importlib.resources import files

import psycopg

LOCK_KEY = 0x66626D69  # "fbmi"; any constant that only we use
_TABLE = """
    CREATE TABLE IF NOT EXISTS migration (
        name       text        PRIMARY KEY,
        sha256     text        NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""


class MigrationError(RuntimeError):
    """The database and the migration files disagree; nothing was changed."""


def migrate(database_url: str) -> list[str]:
    """Apply the migrations that are missing; returns their names, oldest first.

    Raises MigrationError when an applied file was edited afterwards, or when the
    database is newer than this program. Safe to run at every start.
    """
    available = _read_files()
    with psycopg.connect(database_url) as conn:
        conn.execute("SET lock_timeout = '10s'")
        conn.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK_KEY,))
        conn.execute(_TABLE)
        rows = conn.execute("SELECT name, sha256 FROM migration").fetchall()
        applied: dict[str, str] = dict(rows)
        _check(available, applied)
        missing = [name for name in sorted(available) if name not in applied]
        for name in missing:
            conn.execute(available[name])
            conn.execute(
                "INSERT INTO migration (name, sha256) VALUES (%s, %s)",
                (name, _digest(available[name])),
            )
    return missing


def _read_files() -> dict[str, str]:
    folder = files("ledger") / "migrations"
    return {
        entry.name: entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".sql")
    }


def _check(available: dict[str, str], applied: dict[str, str]) -> None:
    for name, digest in applied.items():
        if name not in available:
            raise MigrationError(
                f"the database has migration {name}, which this version does not know: "
                "the program is older than the database; install the newer version"
            )
        if digest != _digest(available[name]):
            raise MigrationError(
                f"ledger/migrations/{name} was changed after it had been applied; "
                "put it back and write the change as a new migration"
            )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
