"""What the last check of Odoo found, kept so that nobody else has to ask Odoo."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ledger.db import Connection
from ledger.queries import load_queries

KEY_WARNING: Final = timedelta(days=14)
"""How long before its key expires the bridge begins to warn."""
WARN_EVERY: Final = timedelta(days=1)

_SQL = load_queries("odoo_check")


@dataclass(frozen=True)
class Seen:
    """What Odoo said of itself. ``key_expires_at`` is None for a key without end."""

    odoo: str
    addon: str
    key_expires_at: datetime | None


@dataclass(frozen=True)
class OdooCheck:
    """The last check. ``problem``: one line, None when all was well.

    The rest is as last seen, and None where Odoo has never been reached.
    """

    checked_at: datetime
    problem: str | None
    odoo: str | None
    addon: str | None
    key_expires_at: datetime | None


def save_check(
    conn: Connection, problem: str | None, seen: Seen | None, now: datetime
) -> None:
    """Keep it in place of the last one. Safe to repeat: the later one stays."""
    values = {
        "now": now,
        "problem": problem,
        "seen": seen is not None,
        "odoo": seen.odoo if seen else None,
        "addon": seen.addon if seen else None,
        "key_expires_at": seen.key_expires_at if seen else None,
    }
    conn.execute(_SQL["save_check"], values)


def read_check(conn: Connection) -> OdooCheck | None:
    """The last check; None where there was none yet."""
    row = conn.execute(_SQL["read_check"]).fetchone()
    return None if row is None else OdooCheck(*row)


def claim_key_warning(conn: Connection, now: datetime) -> bool:
    """Whether the caller is to warn of the key: one is, once a day, of all processes.

    Safe to repeat: the second one is not. Who dies before the line is written costs
    a day of the fourteen.
    """
    values = {"now": now, "since": now - WARN_EVERY}
    return conn.execute(_SQL["claim_key_warning"], values).fetchone() is not None


def expires_soon(key_expires_at: datetime | None, now: datetime) -> bool:
    """Whether it is time to warn of it."""
    return key_expires_at is not None and key_expires_at - now <= KEY_WARNING


def describe_expiry(key_expires_at: datetime, now: datetime) -> str:
    """``expires 2026-03-01 12:00 UTC, in 9 days``; the time that is left, rounded down.

    ``expired … ago`` when it is past.
    """
    at = f"{key_expires_at:%Y-%m-%d %H:%M} UTC"
    left = key_expires_at - now
    if left <= timedelta():
        return f"expired {at}, {_time(-left)} ago"
    return f"expires {at}, in {_time(left)}"


def _time(span: timedelta) -> str:
    hours = span // timedelta(hours=1)
    number, unit = (hours // 24, "day") if hours >= 48 else (hours, "hour")
    return f"{number} {unit}{'' if number == 1 else 's'}"
