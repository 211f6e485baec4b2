"""Apps' customers and subscriptions reach Odoo once, whatever comes between."""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.db import connect as connect_ledger
from odoo_bridge.client import OdooClient, connect
from odoo_bridge.errors import OdooInvalidError, OdooUnreachableError
from odoo_bridge.outgoing import CALL_ROWS, SendReport, send_changes
from odoo_bridge.pull import pull_catalog
from odoo_bridge.push import PushReport, push_rollups
from tests.bridge_world import (
    PROTOCOLS,
    Between,
    Bridge,
    bridge_to,
    settings_for,
    target_settings,
)
from tests.contract.odoo_target import OdooTarget
from tests.ledger_world import NOW, counter, make_message, push
from tests.outgoing_world import (
    by_hand,
    change_client,
    change_subscription,
    client_by_hand,
    exported,
    in_ledger,
    later,
    now,
    order_fields,
    save_client,
    send,
    subscribe,
    waiting,
)
from tests.scripted_server import closed_port_url

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def bridge(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    """The bridge over JSON-2, its catalog loaded."""
    with bridge_to(standin, database_url, tmp_path, "json2") as made:
        yield made


@pytest.fixture
def away() -> Iterator[OdooClient]:
    """A client of an Odoo that is not there."""
    with connect(settings_for(closed_port_url())) as client:
        yield client


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_customer_and_its_subscription_arrive(
    standin: OdooTarget, database_url: str, tmp_path: Path, protocol: str
) -> None:
    with bridge_to(standin, database_url, tmp_path, protocol) as bridge:
        save_client(bridge, phone="+1 613", country="CA", state="ON")
        subscribe(bridge, "app-sub", ended_at=NOW)

        report = send(bridge)

        assert report == SendReport(taken=2, read_back=2)
        customer = exported(bridge, "customer")["app-1"]
        order = exported(bridge, "subscription")["app-sub"]
        assert customer["name"] == "app-1"
        assert (order["customer"], order["plan"]) == ("app-1", "plan")
        assert order["ended_at"] == f"{NOW:%Y-%m-%d %H:%M:%S}"
        assert in_ledger(bridge, "customer", "odoo_id", "app-1") == (customer["id"],)
        key = in_ledger(bridge, "subscription", "odoo_id", "app-sub")
        assert key == (order["id"],)
        assert send(bridge) == SendReport()


def test_a_new_order_in_shadow_stays_a_quotation(bridge: Bridge) -> None:
    save_client(bridge)
    subscribe(bridge, "app-sub")
    send(bridge)

    assert order_fields(bridge, "app-sub", "state")["state"] == "draft"


def test_all_that_was_saved_while_odoo_was_away_arrives_once_and_in_order(
    bridge: Bridge, away: OdooClient
) -> None:
    for number in range(12):
        save_client(bridge, f"c-{number}")
        subscribe(bridge, f"s-{number}", f"c-{number}")
        with pytest.raises(OdooUnreachableError):
            send(bridge, away)
    change_subscription(bridge, "s-3", ended_at=NOW)
    change_client(bridge, "c-4", name="Renamed")
    kinds: list[str] = []
    noting = Between(bridge.client, lambda named: kinds.append(named["kind"]))

    report = send_changes(noting, bridge.database_url, now)  # type: ignore[arg-type]

    assert (report.taken, report.refused) == (24, 0)
    assert kinds[:2] == ["customer", "subscription"]
    orders, customers = exported(bridge, "subscription"), exported(bridge, "customer")
    assert {f"s-{n}": f"c-{n}" for n in range(12)}.items() <= {
        name: row["customer"] for name, row in orders.items()
    }.items()
    assert orders["s-3"]["ended_at"]
    assert customers["c-4"]["name"] == "Renamed"
    assert all(row[1:] == ([], 0, None, True) for row in waiting(bridge))
    assert send(bridge) == SendReport()


def test_an_odoo_that_is_away_costs_no_attempt(
    bridge: Bridge, away: OdooClient
) -> None:
    save_client(bridge)
    for _ in range(3):
        with pytest.raises(OdooUnreachableError):
            send(bridge, away)

    ((kind, unsent, attempts, error, _),) = waiting(bridge)
    assert (kind, unsent, attempts, error) == ("customer", ["email", "name"], 0, None)
    assert send(bridge).taken == 1


def test_a_bridge_killed_between_call_and_mark_sends_it_once(
    bridge: Bridge, standin: OdooTarget
) -> None:
    save_client(bridge)
    subscribe(bridge, "app-sub")
    program = (
        "import os, signal, sys\n"
        "from odoo_bridge.client import connect\n"
        "from odoo_bridge.outgoing import send_changes\n"
        "from tests.bridge_world import Between, target_settings\n"
        "from tests.contract.odoo_target import OdooTarget\n"
        "from tests.outgoing_world import later, now\n"
        "url, clock, *target = sys.argv[1:]\n"
        "odoo = OdooTarget(*target, has_addon=True)\n"
        "die = lambda named: os.kill(os.getpid(), signal.SIGKILL)\n"
        "with connect(target_settings(odoo)) as client:\n"
        "    send_changes(Between(client, die), url, {'now': now}.get(clock, later))\n"
    )
    target = [standin.url, standin.database, standin.login, standin.api_key]
    for clock in ("now", "later"):
        killed = subprocess.run(
            [sys.executable, "-c", program, bridge.database_url, clock, *target],
            cwd=REPOSITORY,
            check=False,
            capture_output=True,
        )
        assert killed.returncode == -9, killed.stderr.decode()
    client_by_hand(bridge, "app-1", name="By hand")

    def much_later() -> Any:
        return later() + timedelta(minutes=1)

    send_changes(bridge.client, bridge.database_url, much_later)

    # exported() finds one row of each; what the person did since is not undone.
    assert exported(bridge, "customer")["app-1"]["name"] == "By hand"
    assert in_ledger(bridge, "customer", "name", "app-1") == ("By hand",)
    assert exported(bridge, "subscription")["app-sub"]["customer"] == "app-1"


def test_a_pull_that_read_before_and_writes_after_changes_nothing(
    bridge: Bridge,
) -> None:
    save_client(bridge)
    subscribe(bridge, "app-sub")
    send(bridge)
    seen: list[str] = []

    def meanwhile(named: Any) -> None:
        """After the pull has read its page, before it writes."""
        kind = named.get("kind")
        if kind is None or kind in seen:
            return
        if kind == "customer":
            change_client(bridge, "app-1", name="App's")
        if kind == "subscription":
            change_subscription(bridge, "app-sub", timezone="Asia/Tokyo")
        seen.append(kind)
        send(bridge)

    reader = Between(bridge.client, meanwhile)
    pull_catalog(reader, bridge.database_url, now())  # type: ignore[arg-type]

    assert in_ledger(bridge, "customer", "name", "app-1") == ("App's",)
    zone = in_ledger(bridge, "subscription", "timezone", "app-sub")
    assert zone == ("Asia/Tokyo",)
    send(bridge)
    assert all(row[4] for row in waiting(bridge))


def test_a_change_during_the_call_goes_out_as_well(bridge: Bridge) -> None:
    save_client(bridge)
    late = iter([{"name": "Second"}])

    def meanwhile(named: Any) -> None:
        for values in late:
            change_client(bridge, "app-1", **values)

    between = Between(bridge.client, meanwhile)
    send_changes(between, bridge.database_url, now)  # type: ignore[arg-type]
    send(bridge)

    assert exported(bridge, "customer")["app-1"]["name"] == "Second"
    assert in_ledger(bridge, "customer", "name", "app-1") == ("Second",)


def test_several_bridges_at_once_make_one_of_each(
    bridge: Bridge, standin: OdooTarget
) -> None:
    for number in range(2 * CALL_ROWS // 10):
        save_client(bridge, f"c-{number}")
        subscribe(bridge, f"s-{number}", f"c-{number}")

    def run(_: int) -> int:
        with connect(target_settings(standin)) as client:
            return send_changes(client, bridge.database_url, now).refused

    for _ in range(3):
        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(run, range(3))) == [0, 0, 0]

    names = {f"c-{number}" for number in range(2 * CALL_ROWS // 10)}
    assert names <= set(exported(bridge, "customer"))
    assert all(row[1] == [] for row in waiting(bridge))


def test_what_a_person_did_to_the_rest_is_read_back_at_once(bridge: Bridge) -> None:
    save_client(bridge)
    subscribe(bridge, "app-sub")
    send(bridge)
    by_hand(bridge, "app-sub", x_fc_ended_at="2026-05-01 00:00:00")
    change_subscription(bridge, "app-sub", anchor="anniversary")

    send(bridge)

    row = in_ledger(bridge, "subscription", "anchor, ended_at::text", "app-sub")
    assert row == ("anniversary", "2026-05-01 00:00:00+00")
    assert exported(bridge, "subscription")["app-sub"]["anchor"] == "anniversary"


def test_odoo_decides_about_a_client_that_it_knew_before(bridge: Bridge) -> None:
    email = f"known@{bridge.world.code}.test"
    values = {"name": "Known to Odoo", "email": email}
    bridge.odoo.ask("res.partner", "create", vals_list=values)
    save_client(bridge, "app-1", name="Another", email=email)

    send(bridge)

    assert in_ledger(bridge, "customer", "name", "app-1") == ("Known to Odoo",)


def test_a_refused_row_holds_up_no_other_and_comes_when_it_is_mended(
    bridge: Bridge,
) -> None:
    save_client(bridge, "bad", country="CA", state="Atlantis")
    subscribe(bridge, "s-bad", "bad")
    save_client(bridge, "good")
    subscribe(bridge, "s-good", "good")

    assert send(bridge) == SendReport(taken=2, refused=1, read_back=2)
    assert send(bridge) == SendReport()
    change_client(bridge, "bad", state="ON")
    assert send(bridge) == SendReport(taken=2, read_back=2)

    assert {"s-bad", "s-good"} <= set(exported(bridge, "subscription"))


class Choking:
    """A client of an Odoo that fails on a row as a whole call."""

    def __init__(self, client: OdooClient, name: str) -> None:
        self._client, self._name = client, name

    def repeat(self, model: str, method: str, **named: Any) -> Any:
        """As the client's, unless the row is among those sent."""
        if any(row["external_id"] == self._name for row in named.get("rows", ())):
            raise OdooInvalidError("ValueError: it chokes")
        return self._client.repeat(model, method, **named)


def test_a_row_that_odoo_chokes_on_holds_up_no_other(bridge: Bridge) -> None:
    for number in range(7):
        save_client(bridge, f"c-{number}")
    choking: Any = Choking(bridge.client, "c-3")

    report = send(bridge, choking)

    assert (report.taken, report.refused) == (6, 1)
    assert [row[3] for row in waiting(bridge) if row[1]] == ["ValueError: it chokes"]


def test_usage_that_came_before_the_subscription_goes_out_at_once(
    bridge: Bridge,
) -> None:
    save_client(bridge)
    subscribe(bridge, "app-sub")
    item = counter("1", subscription="app-sub", value="5")
    with connect_ledger(bridge.database_url) as conn:
        push(conn, make_message(bridge.world, [item]))
    assert push_rollups(bridge.client, bridge.database_url, now).refused == 1

    send(bridge)

    assert push_rollups(bridge.client, bridge.database_url, now) == PushReport(1)
    assert [row["quantity"] for row in bridge.usage()] == ["5"]


def test_a_ledger_behind_odoo_s_revision_overtakes_it(bridge: Bridge) -> None:
    save_client(bridge)
    with connect_ledger(bridge.database_url) as conn:
        conn.execute("UPDATE local_change SET revision = revision + 1000000")
    send(bridge)
    with connect_ledger(bridge.database_url) as conn:
        conn.execute("UPDATE local_change SET revision = 1")
    change_client(bridge, "app-1", name="Newer")

    assert send(bridge) == SendReport(taken=1, stale=1, read_back=1)

    assert exported(bridge, "customer")["app-1"]["name"] == "Newer"


def test_a_change_from_a_ledger_s_backup_does_not_undo_a_later_one(
    bridge: Bridge,
) -> None:
    ends = datetime(2027, 2, 1, tzinfo=UTC)
    save_client(bridge)
    subscribe(bridge, "app-sub")
    send(bridge)
    change_subscription(bridge, "app-sub", anchor="anniversary")
    with connect_ledger(bridge.database_url) as conn:
        backup = conn.execute(
            "SELECT revision, unsent, record_id FROM local_change"
            " WHERE kind = 'subscription'"
        ).fetchall()
    time.sleep(3)  # past the seconds that the changes before took as revisions
    change_subscription(bridge, "app-sub", anchor="calendar", ended_at=ends)
    time.sleep(1.1)  # the later one is of no later second than its revision says
    send(bridge)
    with connect_ledger(bridge.database_url) as conn:
        conn.execute(
            "UPDATE local_change SET revision = %s, unsent = %s, due_at = now()"
            " WHERE record_id = %s AND kind = 'subscription'",
            backup[0],
        )
        conn.execute(
            "UPDATE subscription SET anchor = 'anniversary', ended_at = NULL"
            " WHERE external_id = 'app-sub'"
        )

    assert send(bridge) == SendReport(stale=1, read_back=1)

    assert exported(bridge, "subscription")["app-sub"]["anchor"] == "calendar"
    columns = "anchor, ended_at"
    assert in_ledger(bridge, "subscription", columns, "app-sub") == ("calendar", ends)
    assert send(bridge) == SendReport()
