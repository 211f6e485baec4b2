"""Puts usage rows in Odoo right again: the ledger's are pushed once more.

The values are absolute, so nothing is counted twice; a revision above Odoo's makes them
win. Safe to repeat: a rollup that has been raised is not raised again.
"""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from ledger.db import Connection
from ledger.drift import RollupKey, push_again, still_pushed
from ledger.pushing import read_claims
from odoo_bridge.client import OdooClient
from odoo_bridge.difference import Compared, Difference
from odoo_bridge.drift_usage import look_at, rollup_key
from odoo_bridge.drift_values import TOO_HIGH
from odoo_bridge.push import push_rollups
from schemas.messages import MAX_INT4

WAIT_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 0.5

RIGHT: Final = "put right"
WAITS: Final = "not taken by Odoo yet; fusion-billing status says what fails"
DIFFERS: Final = "pushed, and still not the same: something in Odoo changes it"
NO_ROOM: Final = f"not repaired: {TOO_HIGH}"
BY_HAND: Final = "not repaired"


def repair_usage(
    client: OdooClient,
    conn: Connection,
    database_url: str,
    differences: Iterable[Difference],
    clock: Callable[[], datetime],
    wait_seconds: float = WAIT_SECONDS,
) -> dict[RollupKey, str]:
    """Push these rollups again and look what became of each; by its key.

    Pushes what else waits along with them, beside the workers. Raises OdooError.
    """
    rows = {d.rollup.key: d.rollup for d in differences if d.rollup is not None}
    outcomes = {key: NO_ROOM for key, row in rows.items() if not _has_room(row)}
    waiting = {key: row for key, row in rows.items() if _has_room(row)}
    revisions = {key: row.revision for key, row in waiting.items()}
    push_again(conn, revisions, [row.held for row in waiting.values()], clock())
    until = time.monotonic() + wait_seconds
    while waiting:
        push_rollups(client, database_url, clock)
        claims = read_claims(conn, list(waiting))
        now_at = {rollup_key(claim): claim.revision for claim in claims}
        settled = {key: now_at[key] for key in still_pushed(conn, now_at)}
        page = look_at(client, conn, settled)
        differ = {d.rollup.key for d in page.differences if d.rollup is not None}
        for key in settled:
            outcomes[key] = DIFFERS if key in differ else RIGHT
            del waiting[key]
        if waiting and time.monotonic() > until:
            return {**outcomes, **dict.fromkeys(waiting, WAITS)}
        if waiting:
            time.sleep(PAUSE_SECONDS)
    return outcomes


def outcome_of(difference: Difference, outcomes: dict[RollupKey, str]) -> str:
    """What a repair has done about a difference."""
    if difference.rollup is None:
        return BY_HAND
    return outcomes[difference.rollup.key]


def _has_room(row: Compared) -> bool:
    return row.held < MAX_INT4
