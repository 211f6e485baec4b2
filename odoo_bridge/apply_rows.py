"""Sends rows of one kind through ``apply_catalog``, and says what became of each.

A call that fails is halved when rows may be to blame: when Odoo still takes the same
call without rows. So one row that Odoo chokes on holds up no other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from odoo_bridge.client import OdooClient
from odoo_bridge.errors import (
    OdooAccessError,
    OdooConflictError,
    OdooInvalidError,
    OdooMisconfiguredError,
    OdooTimeoutError,
    OdooTooLargeError,
    OdooUnavailableError,
    OdooUnreachableError,
)
from odoo_bridge.faults import one_line
from schemas.odoo_rows import Row

MODEL: Final = "fusion.billing.service"
METHOD: Final = "apply_catalog"
MAX_CALLS: Final = 32
"""Of one batch, when Odoo refuses it whole and the rows to blame are searched for."""
TAKEN: Final = ("created", "updated", "unchanged")
STALE: Final = "stale"


@dataclass(frozen=True)
class Applied:
    """What became of a row: one of TAKEN, with Odoo's id; STALE; or "error".

    ``reason``: of an error, in one line; ``revision``: the newer one that Odoo holds.
    """

    status: str
    odoo_id: int = 0
    reason: str = ""
    revision: int = 0


def apply_rows(client: OdooClient, kind: str, rows: Sequence[Row]) -> list[Applied]:
    """Send all; answers what became of each. Raises OdooError when no row is to blame.

    Safe to repeat: Odoo takes a revision of a record once.
    """
    outcomes = [Applied("error", reason="Odoo gave no result for the row")] * len(rows)
    parts, calls = [list(range(len(rows)))] if rows else [], 0
    while parts:
        part = parts.pop()
        calls += 1
        try:
            answer = client.repeat(
                MODEL, METHOD, kind=kind, rows=[rows[i] for i in part]
            )
        except (OdooTimeoutError, OdooUnreachableError):
            raise
        except (
            OdooInvalidError,
            OdooTooLargeError,
            OdooAccessError,
            OdooConflictError,
            OdooUnavailableError,
        ) as error:
            client.repeat(MODEL, METHOD, kind=kind, rows=[])
            if len(part) > 1 and calls < MAX_CALLS:
                middle = len(part) // 2
                parts += [part[middle:], part[:middle]]
            else:
                for index in part:
                    outcomes[index] = Applied("error", reason=one_line(str(error)))
        else:
            for place, outcome in _read_answer(answer, len(part)):
                outcomes[part[place]] = outcome
    return outcomes


def _read_answer(answer: Any, rows: int) -> list[tuple[int, Applied]]:
    """Each row's place and outcome. Raises OdooMisconfiguredError on another shape."""
    try:
        return [
            (place, _read_outcome(row))
            for row in answer
            if 0 <= (place := int(row["index"])) < rows
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise OdooMisconfiguredError(
            f"{METHOD} answered something else than a result per row; another version "
            "of the addon is installed in Odoo"
        ) from error


def _read_outcome(row: Any) -> Applied:
    status, reason = row["status"], row["reason"]
    if status in TAKEN:
        return Applied(status, int(row["id"]))
    if status == STALE:
        return Applied(STALE, revision=int(row["revision"]))
    unknown = "" if status == "error" else f"status {status}: "
    return Applied("error", reason=one_line(f"{unknown}{reason or 'no reason'}"))
