"""An incremental pull takes what changed, misses nothing, and notices deletions."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from ledger.db import connect as connect_ledger
from ledger.invoice_reads import InvoiceFilter, InvoicePage, find_invoice, list_invoices
from ledger.pulling import Pull, lock_pulls, read_pulls
from ledger.status import first_deleted, read_syncs
from odoo_bridge.client import OdooClient
from odoo_bridge.pull import PullReport, pull_catalog, pull_changes
from odoo_bridge.pull_pages import MODEL
from tests.bridge_world import Between, Bridge, bridge_to
from tests.contract.odoo_target import OdooTarget
from tests.ledger_world import World, counter, make_message, push

HOUR = 3600
ORDER, USAGE = "sale.order", "fusion.billing.usage"


@pytest.fixture
def bridge(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    """The bridge over JSON-2, its catalog loaded."""
    with bridge_to(standin, database_url, tmp_path, "json2") as made:
        yield made


class Telling(OdooClient):
    """The client, which notes each call and may tell another horizon."""

    def __init__(self, bridge: Bridge, **told: str) -> None:
        self._bridge, self._told = bridge, told
        self.calls: list[dict[str, Any]] = []

    def repeat(self, model: str, method: str, **named: Any) -> Any:
        """As the client's, but for what is told of the horizon."""
        self.calls.append(named)
        answer = self._bridge.client.repeat(model, method, **named)
        return {**answer, **self._told} if method == "read_horizon" else answer


def pull(bridge: Bridge, client: Any = None) -> PullReport:
    """An incremental pull, if it may be one."""
    client = client or bridge.client
    return pull_changes(client, bridge.database_url, datetime.now(UTC), HOUR)


def ask(bridge: Bridge, sql: str, *values: Any) -> list[Any]:
    """Rows of the ledger."""
    with connect_ledger(bridge.database_url) as conn:
        return conn.execute(sql, values).fetchall()


def pulls(bridge: Bridge) -> dict[str, Pull]:
    """Where the pulls stand."""
    with connect_ledger(bridge.database_url) as conn:
        return read_pulls(conn)


def order_of(bridge: Bridge, external_id: str) -> int:
    """Odoo's id of a subscription."""
    domain = [
        ["x_fc_service_id.code", "=", bridge.world.code],
        ["x_fc_external_id", "=", external_id],
    ]
    (key,) = bridge.odoo.ask(ORDER, "search", domain=domain)
    return int(key)


def anchors(bridge: Bridge) -> list[Any]:
    """The ledger's subscriptions of the service and their anchors."""
    return ask(
        bridge,
        "SELECT external_id, anchor FROM subscription WHERE service_id = %s ORDER BY 1",
        bridge.world.service_id,
    )


def deleted(bridge: Bridge, kind: str) -> list[str]:
    """What status names as deleted in Odoo, of the service."""
    with connect_ledger(bridge.database_url) as conn:
        names = first_deleted(conn, kind, 1000)
        syncs = {sync.kind: sync.deleted for sync in read_syncs(conn)}
    assert syncs[kind] == len(names)
    own = f"{bridge.world.code}/"
    return [name.removeprefix(own) for name in names if name.startswith(own)]


def settle(bridge: Bridge) -> None:
    """Let the margin pass: as if all that there is had been pulled long ago."""
    with connect_ledger(bridge.database_url) as conn:
        conn.execute("UPDATE odoo_sync SET watermark = now() - interval '1 second'")


def open_in_odoo(bridge: Bridge) -> psycopg.Connection:
    """A connection to Odoo's own database."""
    if bridge.odoo.database_url is None:
        pytest.skip("the URL of this Odoo's database is not told")
    return psycopg.connect(bridge.odoo.database_url)


def test_an_idle_pull_is_one_small_call_a_kind(bridge: Bridge) -> None:
    client = Telling(bridge)
    report = pull_changes(
        client, bridge.database_url, datetime.now(UTC) + timedelta(seconds=1), HOUR
    )

    assert report.faults == ()
    assert [call.get("kind") for call in client.calls[:1]] == [None]
    assert all("since" in call for call in client.calls[1:])


def test_what_was_written_before_the_watermark_is_not_asked_for(bridge: Bridge) -> None:
    time.sleep(1.1)
    with connect_ledger(bridge.database_url) as conn:
        conn.execute("UPDATE odoo_sync SET watermark = date_trunc('second', now())")
    told = f"{datetime.now(UTC) + timedelta(minutes=2):%Y-%m-%d %H:%M:%S}"

    assert pull(bridge, Telling(bridge, horizon=told)).taken == 0


def test_a_change_is_pulled(bridge: Bridge) -> None:
    vals = {"x_fc_anchor": "anniversary"}
    bridge.odoo.ask(ORDER, "write", ids=[order_of(bridge, "sub-0")], vals=vals)

    assert pull(bridge).faults == ()
    assert anchors(bridge) == [("sub-0", "anniversary"), ("sub-1", "calendar")]


def test_a_transaction_that_is_open_across_two_pulls_is_not_missed(
    bridge: Bridge,
) -> None:
    order = order_of(bridge, "sub-0")
    with open_in_odoo(bridge) as late:
        late.execute(
            "UPDATE sale_order SET x_fc_anchor = 'anniversary',"
            " write_date = now() AT TIME ZONE 'UTC' WHERE id = %s",
            [order],
        )
        started = late.execute("SELECT now()").fetchone()
        assert started is not None
        for _ in range(2):
            time.sleep(1.1)
            pull(bridge)
        during = pulls(bridge)["subscription"].watermark
        before = anchors(bridge)

    pull(bridge)
    assert before[0] == ("sub-0", "calendar")
    assert during < started[0]
    assert anchors(bridge)[0] == ("sub-0", "anniversary")


def test_the_watermark_never_falls(bridge: Bridge) -> None:
    pull(bridge)
    high = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=20)
    with connect_ledger(bridge.database_url) as conn:
        conn.execute("UPDATE odoo_sync SET watermark = %s", [high])
    told = f"{high + timedelta(seconds=60):%Y-%m-%d %H:%M:%S}"
    pull(bridge, Telling(bridge, horizon=told))

    assert {entry.watermark for entry in pulls(bridge).values()} == {high}


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"database": "another"}, "another database"),
        ({"incarnation": "1.2"}, "copied or restored"),
        ({"companies": "7"}, "other companies"),
        ({"transaction": "3"}, "an older state"),
        ({"horizon": "2020-01-01 00:00:00"}, "clock"),
    ],
    ids=str,
)
def test_another_odoo_than_before_is_pulled_anew_and_told(
    bridge: Bridge, told: dict[str, str], reason: str
) -> None:
    client = Telling(bridge, **told)
    with capture_logs() as logs:
        pull(bridge, client)

    (line,) = [line for line in logs if line["event"] == "odoo_pulled_anew"]
    assert reason in line["reason"]
    assert not any("since" in call for call in client.calls)
    with capture_logs() as again:
        pull(bridge, Telling(bridge, **told))
    assert not [line for line in again if line["event"] == "odoo_pulled_anew"]


def test_all_is_pulled_when_it_is_due(bridge: Bridge) -> None:
    client = Telling(bridge)
    later = datetime.now(UTC) + timedelta(seconds=HOUR)
    pull_changes(client, bridge.database_url, later, HOUR)

    assert not any("since" in call for call in client.calls)
    assert {entry.full_at for entry in pulls(bridge).values()} == {later}


def test_a_refused_row_is_asked_for_until_it_is_taken(bridge: Bridge) -> None:
    order = order_of(bridge, "sub-0")
    vals = {"x_fc_external_id": "new"}
    bridge.odoo.ask(ORDER, "write", ids=[order], vals=vals)
    assert len(pull(bridge).faults) == 1
    settle(bridge)
    client = Telling(bridge, horizon=f"{datetime.now(UTC) + timedelta(60):%F %T}")
    again = pull(bridge, client)
    with connect_ledger(bridge.database_url) as conn:
        conn.execute(
            "UPDATE subscription SET external_id = 'new' WHERE odoo_id = %s", [order]
        )

    assert pulls(bridge)["subscription"].passed_over == (order,)
    assert [order] in [call.get("record_ids") for call in client.calls]
    assert "is called 'new' in Odoo" in again.faults[0]
    assert pull(bridge, client).faults == ()
    assert pulls(bridge)["subscription"].passed_over == ()


def test_a_deleted_subscription_is_told_once_and_goes_on_metering(
    bridge: Bridge,
) -> None:
    bridge.odoo.ask(ORDER, "unlink", ids=[order_of(bridge, "sub-0")])
    pull(bridge)
    unnoticed = deleted(bridge, "subscription")
    with capture_logs() as logs:
        for _ in range(2):
            pull_catalog(bridge.client, bridge.database_url, datetime.now(UTC))
    with connect_ledger(bridge.database_url) as conn:
        outcome = push(conn, make_message(bridge.world, [counter("1", value="5")]))

    assert unnoticed == []
    assert deleted(bridge, "subscription") == ["sub-0"]
    told = [line["name"] for line in logs if line["event"] == "deleted_in_odoo"]
    assert told == ["sub-0"]
    assert outcome is not None
    assert ask(bridge, "SELECT sum(quantity) FROM rollup") == [(5,)]


def test_one_that_is_made_again_under_another_id_comes_back(bridge: Bridge) -> None:
    order = order_of(bridge, "sub-0")
    (row,) = bridge.odoo.ask(
        MODEL, "export_catalog", kind="subscription", record_ids=[order]
    )["rows"]
    bridge.odoo.ask(ORDER, "unlink", ids=[order])
    pull_catalog(bridge.client, bridge.database_url, datetime.now(UTC))
    gone = deleted(bridge, "subscription")
    bridge.odoo.ask(MODEL, "apply_catalog", kind="subscription", rows=[row])
    pull(bridge)

    assert gone == ["sub-0"]
    assert deleted(bridge, "subscription") == []


def listed(conn: psycopg.Connection, world: World, **wanted: Any) -> InvoicePage:
    return list_invoices(
        conn, world.service_id, datetime.now(UTC), InvoiceFilter(**wanted)
    )


def test_a_draft_is_pulled_and_shown_until_it_is_deleted(bridge: Bridge) -> None:
    world, ask_odoo = bridge.world, bridge.odoo.ask
    service = {"code": world.code, "name": "Bridge", "mode": "live"}
    ask_odoo(MODEL, "apply_catalog", kind="service", rows=[service])
    period = {
        "period_start": "2026-02-01 00:00:00",
        "period_end": "2026-03-01 00:00:00",
    }
    usage = {"service": world.code, "subscription": "sub-0", "metric": "sum"}
    usage |= {"quantity": "2", "amount": "7.50", "currency": "CAD", "state": "frozen"}
    rows = [{**usage, **period, "revision": 1}]
    (sent,) = ask_odoo(USAGE, "upsert_rollups", rows=rows)
    assert sent["status"] == "created", sent
    close = {"service": world.code, "customer": "customer", **period}
    (result,) = ask_odoo(USAGE, "close_period", rows=[close])
    assert result["status"] == "created", result
    assert pull(bridge).faults == ()

    with connect_ledger(bridge.database_url) as conn:
        page = listed(conn, world, customer="customer")
        (stored,) = page.invoices
        assert find_invoice(conn, world.service_id, stored.id) == stored
        assert find_invoice(conn, world.service_id + 1, stored.id) is None
        assert listed(conn, world, customer="x").total == 0
        assert listed(conn, world, states=["posted"]).total == 0
    assert (page.total, stored.odoo_id) == (1, result["id"])
    assert f"{stored.invoice.untaxed:f}" == "7.50"
    assert [line.subscription for line in stored.invoice.lines] == ["sub-0"]

    ask_odoo("account.move", "unlink", ids=[result["id"]])
    pull_catalog(bridge.client, bridge.database_url, datetime.now(UTC))
    with connect_ledger(bridge.database_url) as conn:
        assert listed(conn, world).total == 0
        assert find_invoice(conn, world.service_id, stored.id) is None
    assert deleted(bridge, "invoice") == [str(result["id"])]


def test_a_slow_pull_does_not_undo_what_another_has_pulled(bridge: Bridge) -> None:
    order = order_of(bridge, "sub-0")
    found: list[PullReport] = []

    def change(named: Any) -> None:
        if named.get("kind") == "subscription" and not found:
            vals = {"x_fc_anchor": "anniversary"}
            bridge.odoo.ask(ORDER, "write", ids=[order], vals=vals)
            found.append(pull(bridge))
            written.append(anchors(bridge)[0])

    written: list[Any] = []
    pull(bridge, Between(bridge.client, change))
    written.append(anchors(bridge)[0])
    pull(bridge)

    # Else: anniversary, calendar, and anniversary again.
    assert found == [PullReport(0, (), frozenset())]
    assert written == [("sub-0", "calendar")] * 2
    assert anchors(bridge)[0] == ("sub-0", "anniversary")


def test_a_pull_that_is_asked_for_waits_for_the_one_that_runs(bridge: Bridge) -> None:
    done = threading.Event()

    def wanted() -> None:
        pull_catalog(bridge.client, bridge.database_url, datetime.now(UTC))
        done.set()

    with connect_ledger(bridge.database_url) as running:
        lock_pulls(running, wait=True)
        waiting = threading.Thread(target=wanted)
        waiting.start()
        early = done.wait(1)
    waiting.join(30)

    assert (early, done.is_set()) == (False, True)
