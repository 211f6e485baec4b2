"""A difference between the ledger and Odoo, and a page of what was compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from ledger.drift import RollupKey, UsageCodes
from schemas.odoo_rows import odoo_time

NONE: Final = "none"
"""A value that is not there."""

_MAX_SHOWN: Final = 200


@dataclass(frozen=True)
class Compared:
    """A rollup that differs: its key, and the revisions that both sides had.

    ``held``: Odoo's, 0 where it has no such row.
    """

    key: RollupKey
    revision: int
    held: int


@dataclass(frozen=True)
class Difference:
    """One value that is not the same on both sides.

    ``kind``: usage, catalog or invoice. ``level``: drift, warning, or failed for what
    cannot be brought over. ``advice``: what to do. ``note``: what stays to be done by
    hand when it is repaired. ``usage_id``: Odoo's row. ``rollup``: what a repair of the
    usage row pushes again.
    """

    service: str
    kind: str
    level: str
    subject: str
    field: str
    ledger_value: str
    odoo_value: str
    advice: str
    usage_id: int | None = None
    rollup: Compared | None = None
    note: str = ""


@dataclass(frozen=True)
class Page:
    """What was found among some rows; ``compared``: how many, by service."""

    compared: Mapping[str, int] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()


def show(value: Any) -> str:
    """A value as a person reads it, of bounded length."""
    if value is None or value is False or value == "":
        return NONE
    text = odoo_time(value) if isinstance(value, datetime) else str(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 1]}…"


def name_usage(codes: UsageCodes) -> str:
    """``sub-1 / cpu / 2026-02-01 05:00:00``, and of which period it is a correction."""
    text = f"{codes.subscription} / {codes.metric} / {odoo_time(codes.period_start)}"
    if codes.usage_start == codes.period_start:
        return text
    return f"{text} / correction of {odoo_time(codes.usage_start)}"


def read_time(text: str) -> datetime:
    """An instant from Odoo's UTC text."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
