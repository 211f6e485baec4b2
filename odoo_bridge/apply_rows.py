"""Sends rows of one kind through ``apply_catalog``, and says what became of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from odoo_bridge.client import OdooClient
from odoo_bridge.faults import one_line
from odoo_bridge.row_calls import RowCall, send_rows
from schemas.odoo_rows import Row

MODEL: Final = "fusion.billing.service"
METHOD: Final = "apply_catalog"
TAKEN: Final = ("created", "updated", "unchanged")
STALE: Final = "stale"


@dataclass(frozen=True)
class Applied:
    """What became of a row: one of TAKEN or STALE, with Odoo's id; or "error".

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
    call = RowCall(MODEL, METHOD, _read_outcome, _fail, {"kind": kind})
    return send_rows(client, call, rows)


def _read_outcome(row: Mapping[str, Any]) -> Applied:
    status, reason = row["status"], row["reason"]
    if status in TAKEN:
        return Applied(status, int(row["id"]))
    if status == STALE:
        return Applied(STALE, int(row["id"]), revision=int(row["revision"]))
    unknown = "" if status == "error" else f"status {status}: "
    return Applied("error", reason=one_line(f"{unknown}{reason or 'no reason'}"))


def _fail(reason: str) -> Applied:
    return Applied("error", reason=reason)
