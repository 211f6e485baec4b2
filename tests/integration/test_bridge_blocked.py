"""No row holds up another: not by its turn, not by what Odoo says of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from ledger.batches import apply_batch, take_batch
from ledger.db import connect as connect_ledger
from ledger.pushing import claim_rollups, lock_subscriptions, mark_pushed
from odoo_bridge.client import OdooClient
from odoo_bridge.errors import (
    OdooAccessError,
    OdooConflictError,
    OdooError,
    OdooInvalidError,
    OdooTimeoutError,
    OdooTooLargeError,
    OdooUnavailableError,
)
from odoo_bridge.push import PushReport, push_rollups
from tests.bridge_world import Bridge, bridge_to, now, rollup_state
from tests.contract.odoo_target import OdooTarget
from tests.ledger_world import counter, make_message

BEGAN = datetime(2026, 1, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def bridge(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    """The bridge over JSON-2, its catalog loaded."""
    with bridge_to(standin, database_url, tmp_path, "json2") as made:
        yield made


def fold(bridge: Bridge, *counters: Any, at: datetime = BEGAN) -> None:
    """Fold counters at a moment."""
    with connect_ledger(bridge.database_url) as conn:
        message = make_message(bridge.world, counters)
        take_batch(conn, message)
        apply_batch(conn, message, at)


class Failing(OdooClient):
    """An Odoo that answers in its own way any call that holds a row of value 13."""

    def __init__(self, bridge: Bridge, answer: Any, empty: OdooError | None = None):
        self.bridge, self.answer, self.empty = bridge, answer, empty

    def repeat(self, model: str, method: str, **named: Any) -> Any:
        """As the stand-in, but for the row, and where told for no rows at all."""
        rows = named["rows"]
        if not rows and self.empty:
            raise self.empty
        if all(row["quantity"] != "13" for row in rows):
            return self.bridge.client.repeat(model, method, **named)
        if isinstance(self.answer, OdooError):
            raise self.answer
        return self.answer(rows)

    call = repeat


FOUR = (
    counter("1"),
    counter("2", subscription="sub-1"),
    counter("3", "max", "13"),
    counter("4", "max", "4", subscription="sub-1"),
)


@pytest.mark.parametrize(
    "kind",
    [
        OdooInvalidError,
        OdooTooLargeError,
        OdooAccessError,
        OdooConflictError,
        OdooUnavailableError,
    ],
)
def test_a_row_that_fails_its_whole_call_is_found_and_the_others_go(
    bridge: Bridge, kind: type[OdooError]
) -> None:
    fold(bridge, *FOUR)
    client = Failing(bridge, kind("chokes on 13"))

    assert push_rollups(client, bridge.database_url, now) == PushReport(3, 1)
    errors = [row["push_error"] for row in rollup_state(bridge.database_url)]
    assert [error for error in errors if error] == ["chokes on 13"]


@pytest.mark.parametrize("kind", [OdooAccessError, OdooConflictError, OdooTimeoutError])
def test_a_failure_that_no_row_is_to_blame_for_leaves_every_row_due(
    bridge: Bridge, kind: type[OdooError]
) -> None:
    fold(bridge, *FOUR)
    client = Failing(bridge, kind("no"), empty=kind("not even nothing"))

    with pytest.raises(kind):
        push_rollups(client, bridge.database_url, now)

    attempts = [row["push_attempts"] for row in rollup_state(bridge.database_url)]
    assert attempts == [0, 0, 0, 0]
    assert push_rollups(bridge.client, bridge.database_url, now) == PushReport(4)


@pytest.mark.parametrize("reason", ["a\0b", "a\ud800b", "a\nb", None, ["x"]], ids=ascii)
@pytest.mark.parametrize("status", ["error", "odd\0\udfff", None], ids=ascii)
def test_whatever_odoo_says_of_a_row_can_be_noted(
    bridge: Bridge, reason: Any, status: Any
) -> None:
    fold(bridge, *FOUR)

    def answer(rows: Any) -> Any:
        given = enumerate(rows)
        return [
            {"index": place, "status": status, "reason": reason}
            if row["quantity"] == "13"
            else {"index": place, "status": "created", "reason": False}
            for place, row in given
        ]

    report = push_rollups(Failing(bridge, answer), bridge.database_url, now)

    assert report == PushReport(3, 1)
    (noted,) = [
        row["push_error"]
        for row in rollup_state(bridge.database_url)
        if row["push_attempts"]
    ]
    assert noted.isprintable()


def test_a_row_that_is_always_dirty_waits_its_turn(bridge: Bridge) -> None:
    fold(bridge, counter("busy"))
    fold(bridge, counter("1", subscription="sub-1"), at=BEGAN + SECOND)
    turn = BEGAN + 2 * SECOND
    claimed = []
    with connect_ledger(bridge.database_url) as conn:
        conn.autocommit = True
        for place in range(2):
            ids = lock_subscriptions(conn, 1, turn)
            claims = claim_rollups(conn, ids, 1, turn, turn + SECOND)
            claimed += [claim.subscription for claim in claims]
            fold(bridge, counter(f"again-{place}"), at=turn)
            mark_pushed(conn, claims, turn)

    assert claimed == ["sub-0", "sub-1"]


def test_a_call_that_failed_keeps_the_rows_turn(bridge: Bridge) -> None:
    fold(bridge, *FOUR)
    client = Failing(bridge, OdooTimeoutError("late"))
    with pytest.raises(OdooTimeoutError):
        push_rollups(client, bridge.database_url, now)

    with connect_ledger(bridge.database_url) as conn:
        due = conn.execute("SELECT DISTINCT push_after FROM rollup").fetchall()

    assert due == [(BEGAN,)]


def restore(bridge: Bridge, revision: int) -> None:
    """Put the ledger's revisions back, as a backup does."""
    with connect_ledger(bridge.database_url) as conn:
        conn.execute(
            "UPDATE rollup SET revision = %s, pushed_revision = 0", (revision,)
        )


def pushed_thrice(bridge: Bridge) -> None:
    """Odoo holds revision 3 of one rollup, at 3."""
    for number in range(3):
        fold(bridge, counter(f"{number}"))
    push_rollups(bridge.client, bridge.database_url, now)


@pytest.mark.altered_books
def test_a_restored_ledger_wins_over_what_odoo_holds(bridge: Bridge) -> None:
    pushed_thrice(bridge)
    with connect_ledger(bridge.database_url) as conn:
        conn.execute("UPDATE rollup SET quantity = 2")
    restore(bridge, 2)

    with capture_logs() as lines:
        report = push_rollups(bridge.client, bridge.database_url, now)

    assert report == PushReport(pushed=1, stale=1)
    assert [(row["quantity"], row["revision"]) for row in bridge.usage()] == [("2", 4)]
    state = rollup_state(bridge.database_url)[0]
    assert (state["pushed_revision"], state["push_error"]) == (4, None)
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("rollup_stale_in_ledger", "warning"),
        ("rollup_revisions_raised", "warning"),
    ]


def test_an_addon_that_does_not_tell_its_revision_is_not_asked_again(
    bridge: Bridge,
) -> None:
    fold(bridge, counter("3", "max", "13"))
    client = Failing(
        bridge, lambda _: [{"index": 0, "status": "stale", "reason": False}]
    )

    assert push_rollups(client, bridge.database_url, now) == PushReport(1, 0, 1)
    assert push_rollups(client, bridge.database_url, now) == PushReport()


def test_an_odoo_that_is_always_ahead_is_not_asked_without_end(bridge: Bridge) -> None:
    fold(bridge, counter("3", "max", "13"))

    def ahead(rows: Any) -> Any:
        held = rows[0]["revision"] + 10
        return [{"index": 0, "status": "stale", "reason": False, "revision": held}]

    report = push_rollups(Failing(bridge, ahead), bridge.database_url, now)

    assert report == PushReport(pushed=0, stale=2)
    assert "Odoo held revision" in rollup_state(bridge.database_url)[0]["push_error"]
