"""P9: an Odoo that comes back is not flooded, and a bridge that dies costs a lease."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.db import connect as connect_ledger
from ledger.pushing import lock_lane
from odoo_bridge.client import OdooClient, connect
from odoo_bridge.errors import OdooError, OdooTimeoutError, OdooUnavailableError
from odoo_bridge.pace import Pace
from odoo_bridge.push import LANES, LEASE, PushReport, push_rollups
from tests.bridge_world import (
    Bridge,
    bridge_to,
    now,
    rollup_state,
    settings_for,
    target_settings,
)
from tests.contract.odoo_target import OdooTarget
from tests.ledger_world import counter, make_message, push
from tests.scripted_server import http_answer, scripted_server
from tests.waiting import wait_until

NOT_NOW = http_answer(b"", "503 Service Unavailable", "", Retry_After="40")
FOUR = (
    counter("1", value="1"),
    counter("2", "max", "2"),
    counter("3", value="3", subscription="sub-1"),
    counter("4", "max", "4", subscription="sub-1"),
)


@pytest.fixture
def bridge(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    """The bridge over JSON-2, with four rollups to push."""
    with bridge_to(standin, database_url, tmp_path, "json2") as made:
        fold(made, *FOUR)
        yield made


def fold(bridge: Bridge, *counters: Any) -> None:
    """Fold counters into the ledger's rollups."""
    with connect_ledger(bridge.database_url) as conn:
        push(conn, make_message(bridge.world, counters))


class Counting(OdooClient):
    """The stand-in, whose calls are counted and fail as long as there is an error."""

    def __init__(self, bridge: Bridge, *errors: OdooError) -> None:
        self.bridge = bridge
        self.errors = list(errors)
        self.calls: list[int] = []

    def repeat(self, model: str, method: str, **named: Any) -> Any:
        """As the stand-in; notes how many rows the call had."""
        self.calls.append(len(named["rows"]))
        if self.errors:
            raise self.errors.pop(0)
        return self.bridge.client.repeat(model, method, **named)

    call = repeat


def test_a_call_has_as_many_rows_as_the_pace_allows(bridge: Bridge) -> None:
    client = Counting(bridge)

    report = push_rollups(client, bridge.database_url, now, Pace(3))

    assert (report, client.calls) == (PushReport(pushed=4), [3, 1])


def test_after_trouble_odoo_gets_few_rows_and_then_more_each_time(
    bridge: Bridge,
) -> None:
    pace = Pace(320)
    client = Counting(bridge, OdooTimeoutError("late"))
    with pytest.raises(OdooTimeoutError):
        push_rollups(client, bridge.database_url, now, pace)
    after_failure = pace.rows

    held = push_rollups(client, bridge.database_url, now, pace)
    later = datetime.now(UTC) + timedelta(seconds=2)
    report = push_rollups(client, bridge.database_url, lambda: later, pace)

    assert (after_failure, held) == (160, PushReport())
    assert (report, client.calls) == (PushReport(pushed=4), [4, 0, 4])
    assert pace.rows == 320


def test_not_now_ends_the_push_with_one_call_and_every_row_still_due(
    bridge: Bridge,
) -> None:
    pace = Pace(2)
    with scripted_server(NOT_NOW) as server, connect(settings_for(server.url)) as busy:
        with pytest.raises(OdooUnavailableError):
            push_rollups(busy, bridge.database_url, now, pace)
        held = push_rollups(busy, bridge.database_url, now, pace)
        requests = len(server.requests)
    in_time = datetime.now(UTC) + timedelta(seconds=41)

    assert (held, requests) == (PushReport(), 1)
    assert {row["push_attempts"] for row in rollup_state(bridge.database_url)} == {0}
    after = push_rollups(bridge.client, bridge.database_url, lambda: in_time, pace)
    assert after == PushReport(pushed=4)


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_batch_that_fails_whole_is_released_and_so_is_the_one_behind_it(
    bridge: Bridge, failing: int
) -> None:
    class FailsOnce(Counting):
        """Times out in one of the calls."""

        def repeat(self, model: str, method: str, **named: Any) -> Any:
            if len(self.calls) == failing:
                self.errors.append(OdooTimeoutError("late"))
            return super().repeat(model, method, **named)

    client = FailsOnce(bridge)
    with pytest.raises(OdooTimeoutError):
        push_rollups(client, bridge.database_url, now, Pace(1))

    left = 4 - failing
    report = push_rollups(bridge.client, bridge.database_url, now)
    assert (report, len(client.calls)) == (PushReport(pushed=left), failing + 1)


def test_a_call_in_which_every_row_is_bad_holds_up_nothing(bridge: Bridge) -> None:
    rename = "UPDATE subscription SET external_id = 'gone' WHERE external_id = 'sub-0'"
    with connect_ledger(bridge.database_url) as conn:
        conn.execute(rename)

    report = push_rollups(bridge.client, bridge.database_url, now, Pace(1))

    assert report == PushReport(pushed=2, refused=2)


def test_no_more_than_two_push_at_a_time(bridge: Bridge) -> None:
    with (
        connect_ledger(bridge.database_url) as one,
        connect_ledger(bridge.database_url) as other,
    ):
        taken = [lock_lane(one, LANES), lock_lane(other, LANES)]
        third = push_rollups(bridge.client, bridge.database_url, now)
    afterwards = push_rollups(bridge.client, bridge.database_url, now)

    assert (taken, third) == ([True, True], PushReport())
    assert afterwards == PushReport(pushed=4)


def test_a_bridge_killed_between_call_and_mark_costs_only_its_leases(
    standin: OdooTarget, bridge: Bridge, tmp_path: Path
) -> None:
    settings = target_settings(standin)
    environ = {
        **os.environ,
        "DATABASE_URL": bridge.database_url,
        "BROKER_URL": settings.broker_url,
        "FUSION_SECRET_KEY": settings.secret_key,
        "ODOO_URL": settings.odoo_url,
        "ODOO_DATABASE": settings.odoo_database,
        "ODOO_LOGIN": settings.odoo_login,
        "ODOO_API_KEY": settings.odoo_api_key,
    }
    before = datetime.now(UTC)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.push_run"], env=environ, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"answered\n"
        wait_until(lambda: leased(bridge, before) == 2, "the next batch is claimed")
        process.kill()
    assert len(bridge.usage()) == 1

    fold(bridge, counter("5", value="5"), counter("6", value="6", subscription="sub-1"))
    during = push_rollups(bridge.client, bridge.database_url, now)
    lease_over = datetime.now(UTC) + LEASE
    after = push_rollups(bridge.client, bridge.database_url, lambda: lease_over)

    assert (during.pushed, after.pushed) == (2, 2)
    assert sorted(row["quantity"] for row in bridge.usage()) == ["2", "4", "6", "9"]
    assert sorted(row["revision"] for row in bridge.usage()) == [1, 1, 2, 2]
    states = rollup_state(bridge.database_url)
    assert all(row["pushed_revision"] == row["revision"] for row in states)


def leased(bridge: Bridge, before: datetime) -> int:
    """How many rollups wait for the end of a lease, which is never long."""
    with connect_ledger(bridge.database_url) as conn:
        waits = conn.execute(
            "SELECT push_after FROM rollup WHERE dirty AND push_after > %s + interval "
            "'10 s'",
            (before,),
        ).fetchall()
    assert all(at <= datetime.now(UTC) + LEASE for (at,) in waits)
    return len(waits)
