"""P9: Odoo's rows become the ledger's, whatever comes between a call and its mark."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.db import connect as connect_ledger
from ledger.pushing import lock_subscriptions
from odoo_bridge.client import OdooClient, connect
from odoo_bridge.errors import OdooInvalidError, OdooUnreachableError
from odoo_bridge.push import LEASE, PushReport, push_rollups
from tests.bridge_world import (
    PROTOCOLS,
    Between,
    Bridge,
    bridge_to,
    now,
    rollup_state,
    settings_for,
)
from tests.contract.odoo_target import OdooTarget
from tests.ledger_world import counter, make_message, push
from tests.scripted_server import closed_port_url


@pytest.fixture
def bridge(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    """The bridge over JSON-2, its catalog loaded."""
    with bridge_to(standin, database_url, tmp_path, "json2") as made:
        yield made


def fold(bridge: Bridge, *counters: Any) -> None:
    """Fold counters into the ledger's rollups."""
    with connect_ledger(bridge.database_url) as conn:
        push(conn, make_message(bridge.world, counters))


def later() -> datetime:
    """When every lease of now has run out."""
    return datetime.now(UTC) + LEASE + timedelta(seconds=1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_rollups_arrive_rated(
    standin: OdooTarget, database_url: str, tmp_path: Path, protocol: str
) -> None:
    with bridge_to(standin, database_url, tmp_path, protocol) as bridge:
        fold(
            bridge,
            counter("1", value="1000000000000000000000.5"),
            counter("2", "max", "7"),
        )

        report = push_rollups(bridge.client, database_url, now)
        of_max, of_sum = bridge.usage()

    assert report == PushReport(pushed=2)
    # 999999999999999999990.5 over the quota is 10^19 begun blocks of 100, each 0.0075.
    assert {name: of_sum[name] for name in ("quantity", "overage", "amount")} == {
        "quantity": "1000000000000000000000.5",
        "overage": "999999999999999999990.5",
        "amount": "75000000000000000.00",
    }
    assert (of_max["quantity"], of_max["amount"]) == ("7", "0")


def test_pushing_again_sends_nothing(bridge: Bridge) -> None:
    fold(bridge, counter("1"))
    push_rollups(bridge.client, bridge.database_url, now)

    assert push_rollups(bridge.client, bridge.database_url, now) == PushReport()


def test_a_fold_during_the_call_goes_out_as_well(bridge: Bridge) -> None:
    fold(bridge, counter("1", value="5"))
    late = iter([counter("2", value="6")])

    def fold_once(_: Any) -> None:
        for item in late:
            fold(bridge, item)

    client: Any = Between(bridge.client, fold_once)
    report = push_rollups(client, bridge.database_url, now)

    assert report == PushReport(pushed=2)
    assert [(row["quantity"], row["revision"]) for row in bridge.usage()] == [("11", 2)]
    assert rollup_state(bridge.database_url)[0]["pushed_revision"] == 2


def test_the_revision_that_was_sent_is_marked_not_the_one_there_now(
    bridge: Bridge,
) -> None:
    fold(bridge, counter("1", value="5"))
    client: Any = Between(bridge.client, lambda _: fold(bridge, counter("2")))
    marked: list[Any] = []

    def stop_once_marked() -> datetime:
        state = rollup_state(bridge.database_url)[0]
        if state["pushed_revision"]:
            marked.append(state)
            raise InterruptedError
        return datetime.now(UTC)

    with pytest.raises(InterruptedError):
        push_rollups(client, bridge.database_url, stop_once_marked)

    assert (marked[0]["revision"], marked[0]["pushed_revision"]) == (2, 1)


class Killed(BaseException):
    """What stands in for SIGKILL: nothing catches it."""


def test_a_worker_killed_between_call_and_mark_costs_only_its_lease(
    bridge: Bridge,
) -> None:
    fold(bridge, counter("1", value="5"))

    def die(_: Any) -> None:
        raise Killed

    dying: Any = Between(bridge.client, die)
    with pytest.raises(Killed):
        push_rollups(dying, bridge.database_url, now)
    assert [row["revision"] for row in bridge.usage()] == [1]
    assert rollup_state(bridge.database_url)[0]["pushed_revision"] == 0

    fold(bridge, counter("2", value="6"))
    during_lease = push_rollups(bridge.client, bridge.database_url, now)
    after_lease = push_rollups(bridge.client, bridge.database_url, later)

    assert (during_lease, after_lease) == (PushReport(), PushReport(pushed=1))
    assert [row["quantity"] for row in bridge.usage()] == ["11"]


def test_an_older_revision_does_not_put_an_old_value_back(bridge: Bridge) -> None:
    fold(bridge, counter("1", value="5"))
    old: list[Any] = []
    spy: Any = Between(bridge.client, lambda named: old.extend(named["rows"]))
    push_rollups(spy, bridge.database_url, now)
    fold(bridge, counter("2", value="6"))
    push_rollups(bridge.client, bridge.database_url, now)

    answer = bridge.client.repeat("fusion.billing.usage", "upsert_rollups", rows=old)

    assert [row["status"] for row in answer] == ["stale"]
    assert [row["quantity"] for row in bridge.usage()] == ["11"]


def test_a_ledger_behind_odoo_is_told_and_does_not_loop(bridge: Bridge) -> None:
    fold(bridge, counter("1"), counter("2"))
    push_rollups(bridge.client, bridge.database_url, now)
    with connect_ledger(bridge.database_url) as conn:
        conn.execute("UPDATE rollup SET revision = 3, pushed_revision = 0")
    push_rollups(bridge.client, bridge.database_url, now)
    with connect_ledger(bridge.database_url) as conn:
        conn.execute("UPDATE rollup SET revision = 2, pushed_revision = 0")

    assert push_rollups(bridge.client, bridge.database_url, now) == PushReport(1, 0, 1)
    assert push_rollups(bridge.client, bridge.database_url, now) == PushReport()


def test_an_odoo_that_is_away_costs_only_delay(bridge: Bridge) -> None:
    fold(bridge, counter("1", value="5"))
    with connect(settings_for(closed_port_url())) as nobody:
        for _ in range(2):
            with pytest.raises(OdooUnreachableError):
                push_rollups(nobody, bridge.database_url, now)

    state = rollup_state(bridge.database_url)[0]
    report = push_rollups(bridge.client, bridge.database_url, now)

    assert (state["push_attempts"], state["push_error"]) == (0, None)
    assert report == PushReport(pushed=1)


def test_a_refused_row_waits_with_its_reason_and_the_others_go(bridge: Bridge) -> None:
    with connect_ledger(bridge.database_url) as conn:
        conn.execute(
            "UPDATE subscription SET external_id = 'gone' WHERE external_id = 'sub-0'"
        )
    fold(bridge, counter("1", subscription="gone"), counter("2", subscription="sub-1"))

    report = push_rollups(bridge.client, bridge.database_url, now)
    again = push_rollups(bridge.client, bridge.database_url, now)

    assert (report, again) == (PushReport(pushed=1, refused=1), PushReport())
    state = rollup_state(bridge.database_url)[0]
    assert state["push_attempts"] == 1
    assert "gone" in state["push_error"]


def test_a_refused_row_goes_out_once_its_cause_is_mended(bridge: Bridge) -> None:
    rename = "UPDATE subscription SET external_id = %s WHERE external_id = %s"
    with connect_ledger(bridge.database_url) as conn:
        conn.execute(rename, ("gone", "sub-0"))
    fold(bridge, counter("1", subscription="gone"))
    push_rollups(bridge.client, bridge.database_url, now)
    with connect_ledger(bridge.database_url) as conn:
        conn.execute(rename, ("sub-0", "gone"))

    report = push_rollups(bridge.client, bridge.database_url, later)

    assert report == PushReport(pushed=1)
    assert rollup_state(bridge.database_url)[0]["push_error"] is None


def test_a_row_that_fails_the_whole_call_is_found_and_the_others_go(
    bridge: Bridge,
) -> None:
    fold(
        bridge,
        counter("1"),
        counter("2", subscription="sub-1"),
        counter("3", "max", "13"),
        counter("4", "max", "4", subscription="sub-1"),
    )

    class Choking(OdooClient):
        """An addon that fails on one row with all of its call."""

        def __init__(self) -> None:
            """Nothing is opened."""

        def repeat(self, model: str, method: str, **named: Any) -> Any:
            """As the stand-in, but for the row."""
            if any(row["quantity"] == "13" for row in named["rows"]):
                raise OdooInvalidError("chokes on 13")
            return bridge.client.repeat(model, method, **named)

    report = push_rollups(Choking(), bridge.database_url, now)

    assert report == PushReport(pushed=3, refused=1)
    errors = [row["push_error"] for row in rollup_state(bridge.database_url)]
    assert [error for error in errors if error] == ["chokes on 13"]


def test_a_subscription_that_another_worker_pushes_is_left_to_it(
    bridge: Bridge,
) -> None:
    fold(bridge, counter("1"), counter("2", subscription="sub-1"))
    with connect_ledger(bridge.database_url) as other:
        assert len(lock_subscriptions(other, 1, datetime.now(UTC))) == 1
        beside = push_rollups(bridge.client, bridge.database_url, now)
    afterwards = push_rollups(bridge.client, bridge.database_url, now)

    assert (beside, afterwards) == (PushReport(pushed=1), PushReport(pushed=1))
