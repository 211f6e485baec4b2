"""P9, P11: a row that Odoo always refuses is dead-lettered, and still not given up."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from ledger.db import connect as connect_ledger
from ledger.push_dead import put_back_rows
from ledger.pushing import claim_rollups, lock_subscriptions
from ledger.status import read_status
from odoo_bridge.push import PushReport, push_rollups
from odoo_bridge.push_marks import LONGEST_WAIT, MAX_ATTEMPTS
from tests.bridge_world import Between, Bridge, bridge_to, rollup_state
from tests.contract.odoo_target import OdooTarget
from tests.ledger_world import counter, make_message, push

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
GIVEN_UP = MAX_ATTEMPTS * 20 * MINUTE
"""From the first attempt of ``wear_out`` until after its last."""


@pytest.fixture
def bridge(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    """A bridge with one rollup, of a subscription that Odoo has by another name."""
    with bridge_to(standin, database_url, tmp_path, "json2") as made:
        rename(made, "sub-0", "gone")
        fold(made, counter("1", subscription="gone", value="5"))
        yield made


def rename(bridge: Bridge, old: str, new: str) -> None:
    """Give a subscription another name in the ledger."""
    with connect_ledger(bridge.database_url) as conn:
        conn.execute(
            "UPDATE subscription SET external_id = %s WHERE external_id = %s",
            (new, old),
        )


def fold(bridge: Bridge, *counters: Any) -> None:
    """Fold counters into the ledger's rollups."""
    with connect_ledger(bridge.database_url) as conn:
        push(conn, make_message(bridge.world, counters))


def after(wait: timedelta) -> Callable[[], datetime]:
    """The clock of so long after the test's beginning."""
    instant = datetime.now(UTC) + wait
    return lambda: instant


def wear_out(bridge: Bridge, attempts: int = MAX_ATTEMPTS) -> list[PushReport]:
    """Push again and again, each time when the longest wait is over."""
    clocks = [after(20 * MINUTE * n) for n in range(attempts)]
    return [push_rollups(bridge.client, bridge.database_url, clock) for clock in clocks]


def letters(bridge: Bridge) -> list[tuple[Any, ...]]:
    """Every dead letter: kind, service, two of the row, why, how often."""
    with connect_ledger(bridge.database_url) as conn:
        return conn.execute(
            "SELECT kind, service_id, payload->>'subscription', payload->>'quantity', "
            "reason, detail, attempts FROM dead_letter ORDER BY id"
        ).fetchall()


def test_a_row_that_is_always_refused_is_dead_lettered_once(bridge: Bridge) -> None:
    with capture_logs() as lines:
        reports = wear_out(bridge)

    assert reports == [
        *[PushReport(refused=1)] * (MAX_ATTEMPTS - 1),
        PushReport(refused=1, dead=1),
    ]
    [(kind, service, subscription, quantity, reason, detail, attempts)] = letters(
        bridge
    )
    assert (kind, reason, attempts) == ("odoo_row", "odoo_refuses_row", MAX_ATTEMPTS)
    assert (service, subscription, quantity) == (bridge.world.service_id, "gone", "5")
    assert "gone" in detail
    assert [line["event"] for line in lines if line["log_level"] == "error"] == [
        "rollups_dead"
    ]


def test_the_attempts_before_that_take_about_an_hour(bridge: Bridge) -> None:
    waited, tries = timedelta(), 0
    while not letters(bridge):
        report = push_rollups(bridge.client, bridge.database_url, after(waited))
        tries += report.refused
        waited += MINUTE / 2

    assert tries == MAX_ATTEMPTS
    assert 35 * MINUTE < waited < 70 * MINUTE


def test_status_counts_a_dead_row_and_it_stays_to_be_pushed(bridge: Bridge) -> None:
    wear_out(bridge)

    with connect_ledger(bridge.database_url) as conn:
        status = read_status(conn)

    assert (status.dead_letters, status.rollups_to_push) == (1, 1)


def test_a_dead_row_is_left_alone_for_most_of_a_day(bridge: Bridge) -> None:
    wear_out(bridge)

    for wait in (MINUTE, 60 * MINUTE, DAY / 2):
        report = push_rollups(
            bridge.client, bridge.database_url, after(GIVEN_UP + wait)
        )
        assert report == PushReport()


def test_a_dead_row_is_tried_once_a_day_and_keeps_its_one_letter(
    bridge: Bridge,
) -> None:
    wear_out(bridge)
    clock = after(GIVEN_UP + 1.3 * DAY)

    reports = [push_rollups(bridge.client, bridge.database_url, clock) for _ in "12"]

    assert reports == [PushReport(refused=1, dead=1), PushReport()]
    assert [letter[-1] for letter in letters(bridge)] == [MAX_ATTEMPTS + 1]


def test_what_was_mended_in_odoo_goes_out_within_a_day_without_a_human(
    bridge: Bridge,
) -> None:
    wear_out(bridge)
    rename(bridge, "gone", "sub-0")
    clock = after(GIVEN_UP + 1.3 * DAY)

    report = push_rollups(bridge.client, bridge.database_url, clock)

    assert report == PushReport(pushed=1)
    assert letters(bridge) == []
    assert [row["quantity"] for row in bridge.usage()] == ["5"]
    [state] = rollup_state(bridge.database_url)
    assert (state["push_attempts"], state["push_error"]) == (0, None)


def test_a_dead_row_that_changes_goes_out_at_once(bridge: Bridge) -> None:
    wear_out(bridge)
    rename(bridge, "gone", "sub-0")
    fold(bridge, counter("2", value="6"))

    report = push_rollups(bridge.client, bridge.database_url, after(GIVEN_UP))

    assert (report, letters(bridge)) == (PushReport(pushed=1), [])
    assert [row["quantity"] for row in bridge.usage()] == ["11"]


def test_a_dead_row_that_is_busy_is_tried_every_quarter_of_an_hour(
    bridge: Bridge,
) -> None:
    wear_out(bridge)
    tries = []
    for minute in range(45):
        fold(bridge, counter(f"busy-{minute}", subscription="gone"))
        clock = after(GIVEN_UP + minute * MINUTE)
        tries.append(push_rollups(bridge.client, bridge.database_url, clock).refused)

    assert timedelta(minutes=15) == LONGEST_WAIT
    assert sum(tries) == 3
    assert len(letters(bridge)) == 1


def test_a_change_during_the_last_attempt_is_not_missed(bridge: Bridge) -> None:
    wear_out(bridge, MAX_ATTEMPTS - 1)
    changes = iter([counter("2", subscription="gone", value="6")])

    def change_once(_: Any) -> None:
        for change in changes:
            fold(bridge, change)
            rename(bridge, "gone", "sub-0")

    late: Any = Between(bridge.client, change_once)
    report = push_rollups(late, bridge.database_url, after(GIVEN_UP))

    assert report == PushReport(pushed=1, refused=1, dead=1)
    assert letters(bridge) == []
    assert [row["quantity"] for row in bridge.usage()] == ["11"]


def test_a_fold_does_not_end_the_lease_of_a_dead_row(bridge: Bridge) -> None:
    wear_out(bridge)
    clock = after(GIVEN_UP + 1.3 * DAY)()
    with connect_ledger(bridge.database_url) as conn:
        conn.autocommit = True
        [key] = lock_subscriptions(conn, 1, clock)
        assert len(claim_rollups(conn, [key], 1, clock, clock + MINUTE)) == 1
        fold(bridge, counter("2", subscription="gone"))

        assert claim_rollups(conn, [key], 1, clock, clock + MINUTE) == []


def test_a_dead_row_that_is_put_back_goes_out(bridge: Bridge) -> None:
    wear_out(bridge)
    rename(bridge, "gone", "sub-0")
    clock = after(GIVEN_UP)
    with connect_ledger(bridge.database_url) as conn:
        [(letter,)] = conn.execute("SELECT id FROM dead_letter").fetchall()
        twice = [put_back_rows(conn, [letter], clock()) for _ in "12"]

    report = push_rollups(bridge.client, bridge.database_url, clock)

    assert (twice, report) == ([1, 0], PushReport(pushed=1))
    assert letters(bridge) == []


def test_a_dead_row_that_is_put_back_in_vain_is_dead_again_at_once(
    bridge: Bridge,
) -> None:
    wear_out(bridge)
    clock = after(GIVEN_UP)
    with connect_ledger(bridge.database_url) as conn:
        [(letter,)] = conn.execute("SELECT id FROM dead_letter").fetchall()
        put_back_rows(conn, [letter], clock())

    report = push_rollups(bridge.client, bridge.database_url, clock)

    assert report == PushReport(refused=1, dead=1)
    assert len(letters(bridge)) == 1


def test_other_rows_go_while_one_is_dead(bridge: Bridge) -> None:
    wear_out(bridge)
    fold(bridge, counter("2", subscription="sub-1"))

    report = push_rollups(bridge.client, bridge.database_url, after(GIVEN_UP))

    assert report == PushReport(pushed=1)
    assert len(letters(bridge)) == 1
