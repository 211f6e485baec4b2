"""An Odoo that was restored from a backup gets by itself what it has lost."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ledger.db import connect as connect_ledger
from odoo_bridge.pull import pull_catalog
from odoo_bridge.pull_pages import MODEL
from tests.bridge_world import Bridge, bridge_to
from tests.closing_world import (
    USAGE,
    bills,
    close_all,
    freeze_until,
    invoices,
    lines,
    push_all,
    set_mode,
    use,
)
from tests.contract.odoo_target import OdooTarget
from tests.integration.test_bridge_changes import (
    Telling,
    ask,
    deleted,
    order_of,
    pull,
)
from tests.outgoing_world import (
    by_hand,
    change_subscription,
    exported,
    in_ledger,
    order_fields,
    save_client,
    send,
    subscribe,
)

MAY = datetime(2026, 5, 10, tzinfo=UTC)
JUNE = datetime(2026, 6, 20, tzinfo=UTC)
ENDS = datetime(2027, 2, 1, tzinfo=UTC)
OLDER = {"transaction": "3"}


@pytest.fixture
def bridge(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    """The bridge over JSON-2, its catalog loaded."""
    with bridge_to(standin, database_url, tmp_path, "json2") as made:
        yield made


@pytest.fixture
def billed(bridge: Bridge) -> Bridge:
    """May was used, frozen, pushed, put on a draft, and pulled."""
    set_mode(bridge, "live")
    use(bridge, "may", MAY, "250")
    freeze_until(bridge, JUNE)
    push_all(bridge, JUNE)
    close_all(bridge, JUNE)
    pull(bridge)
    return bridge


def restored(bridge: Bridge, **told: str) -> None:
    """A pull that notices it."""
    assert pull(bridge, Telling(bridge, **(told or OLDER))).faults == ()


def lose_usage(bridge: Bridge) -> None:
    """Odoo's rows of usage are gone."""
    domain = [["service_id.code", "=", bridge.world.code]]
    ids = bridge.odoo.ask(USAGE, "search", domain=domain)
    bridge.odoo.ask(USAGE, "unlink", ids=ids)


def may(bridge: Bridge) -> set[tuple[str, str, bool]]:
    """What became of May's bills."""
    return {
        (bill["subscription"], bill["status"], bill["invoice_id"] is None)
        for bill in bills(bridge)
        if bill["period_start"].month == 5
    }


@pytest.mark.parametrize(
    "told",
    [OLDER, {"incarnation": "1.2"}, {"database": "another"}],
    ids=["older", "restored", "another"],
)
def test_rollups_that_odoo_lost_are_pushed_again(
    bridge: Bridge, told: dict[str, str]
) -> None:
    use(bridge, "may", MAY, "250")
    freeze_until(bridge, JUNE)
    push_all(bridge, JUNE)
    before = bridge.usage()
    lose_usage(bridge)
    push_all(bridge, JUNE)
    lost = bridge.usage()
    restored(bridge, **told)
    push_all(bridge, datetime.now(UTC) + timedelta(seconds=1))

    assert lost == []
    assert [(row["quantity"], row["amount"]) for row in bridge.usage()] == [
        (row["quantity"], row["amount"]) for row in before
    ]
    assert ask(bridge, "SELECT count(*) FROM rollup WHERE dirty") == [(0,)]


def test_other_companies_and_a_second_look_send_nothing_again(bridge: Bridge) -> None:
    use(bridge, "may", MAY, "250")
    push_all(bridge, JUNE)
    restored(bridge, companies="7")
    restored(bridge, companies="7")

    assert ask(bridge, "SELECT count(*) FROM rollup WHERE dirty") == [(0,)]


def test_a_push_under_way_does_not_hide_what_was_lost(bridge: Bridge) -> None:
    use(bridge, "may", MAY, "250")
    with connect_ledger(bridge.database_url) as conn:
        before = conn.execute("SELECT revision FROM rollup").fetchall()
        restored(bridge)
        conn.execute("UPDATE rollup SET pushed_revision = %s", before[0])

    assert ask(bridge, "SELECT count(*) FROM rollup WHERE NOT dirty") == [(0,)]


def test_apps_records_that_odoo_lost_are_sent_again(bridge: Bridge) -> None:
    save_client(bridge, "app-1", phone="+1 416 555 0100")
    subscribe(bridge, "app-sub", ended_at=ENDS)
    assert send(bridge).taken == 2
    was = order_of(bridge, "app-sub")
    bridge.odoo.ask("sale.order", "unlink", ids=[was])
    link = exported(bridge, "customer")["app-1"]["id"]
    bridge.odoo.ask("fusion.billing.account.link", "unlink", ids=[link])
    restored(bridge)
    gone = deleted(bridge, "subscription"), deleted(bridge, "customer")
    assert send(bridge).taken == 2
    pull(bridge)

    assert gone == (["app-sub"], ["app-1"])
    assert exported(bridge, "subscription")["app-sub"]["ended_at"] == (
        f"{ENDS:%Y-%m-%d %H:%M:%S}"
    )
    assert in_ledger(bridge, "subscription", "ended_at, odoo_id", "app-sub") == (
        ENDS,
        order_of(bridge, "app-sub"),
    )
    assert deleted(bridge, "subscription") == deleted(bridge, "customer") == []


def test_an_end_that_odoo_lost_stays_the_apps(bridge: Bridge) -> None:
    save_client(bridge)
    subscribe(bridge, "app-sub")
    send(bridge)
    backup = order_fields(bridge, "app-sub", "x_fc_revision")
    change_subscription(bridge, "app-sub", ended_at=ENDS)
    send(bridge)
    by_hand(
        bridge,
        "app-sub",
        x_fc_ended_at=False,
        **{"x_fc_revision": backup["x_fc_revision"]},
    )
    restored(bridge)
    during = in_ledger(bridge, "subscription", "ended_at", "app-sub")
    send(bridge)

    assert during == (ENDS,)
    assert exported(bridge, "subscription")["app-sub"]["ended_at"] is not False
    assert in_ledger(bridge, "subscription", "ended_at", "app-sub") == (ENDS,)


def test_what_a_person_changed_since_stays_where_odoo_has_the_apps_change(
    bridge: Bridge,
) -> None:
    save_client(bridge)
    subscribe(bridge, "app-sub", ended_at=ENDS)
    send(bridge)
    by_hand(bridge, "app-sub", x_fc_anchor="anniversary")
    restored(bridge)
    send(bridge)

    assert exported(bridge, "subscription")["app-sub"]["anchor"] == "anniversary"
    assert in_ledger(bridge, "subscription", "anchor", "app-sub") == ("anniversary",)


def test_a_lost_invoice_is_made_again(billed: Bridge) -> None:
    (invoice,) = invoices(billed)
    billed.odoo.ask("account.move", "unlink", ids=[invoice["id"]])
    lose_usage(billed)
    restored(billed)
    due = may(billed)
    later = datetime.now(UTC) + timedelta(seconds=1)
    close_all(billed, later)
    early = invoices(billed)
    push_all(billed, later)
    close_all(billed, later + timedelta(minutes=20))

    assert due == {("sub-0", "due", True), ("sub-1", "due", True)}
    assert early == []
    (again,) = invoices(billed)
    assert [line["price_unit"] for line in lines(billed, again["id"])] == [0.02, 0.0]
    assert may(billed) == {("sub-0", "created", False), ("sub-1", "created", False)}


def test_an_invoice_that_odoo_still_has_is_billed_once(billed: Bridge) -> None:
    before = invoices(billed)
    (invoice,) = before
    restored(billed)

    assert may(billed) == {("sub-0", "created", False), ("sub-1", "created", False)}
    with connect_ledger(billed.database_url) as conn:  # as if it had not been pulled
        conn.execute("DELETE FROM invoice")
    restored(billed, incarnation="1.9")
    push_all(billed, datetime.now(UTC) + timedelta(seconds=1))
    close_all(billed, datetime.now(UTC) + timedelta(minutes=20))
    assert [found["id"] for found in invoices(billed)] == [invoice["id"]]
    assert len(lines(billed, invoice["id"])) == 2


@pytest.mark.parametrize("method", ["button_cancel", "unlink"])
def test_what_a_person_took_back_is_not_billed_again(
    billed: Bridge, method: str
) -> None:
    (invoice,) = invoices(billed)
    billed.odoo.ask("account.move", method, ids=[invoice["id"]])
    pull_catalog(billed.client, billed.database_url, datetime.now(UTC))
    pull_catalog(billed.client, billed.database_url, datetime.now(UTC))
    restored(billed)

    assert may(billed) == {("sub-0", "created", False), ("sub-1", "created", False)}


def test_a_new_record_takes_the_id_of_a_lost_one(bridge: Bridge) -> None:
    row = dict(exported(bridge, "subscription")["sub-0"], external_id="fresh")
    bridge.odoo.ask("sale.order", "unlink", ids=[order_of(bridge, "sub-0")])
    bridge.odoo.ask(MODEL, "apply_catalog", kind="subscription", rows=[row])
    fresh = order_of(bridge, "fresh")
    ask_id = "UPDATE subscription SET odoo_id = %s WHERE external_id = 'sub-0'"
    with connect_ledger(bridge.database_url) as conn:
        conn.execute(ask_id, [fresh])
    restored(bridge)

    assert in_ledger(bridge, "subscription", "odoo_id", "fresh") == (fresh,)
    assert deleted(bridge, "subscription") == ["sub-0"]


def test_a_rename_that_was_refused_before_is_refused_still(bridge: Bridge) -> None:
    by_hand(bridge, "sub-0", x_fc_external_id="new")
    assert len(pull(bridge).faults) == 1

    with capture_logs() as logs:
        assert len(pull(bridge, Telling(bridge, **OLDER)).faults) == 1
    assert "odoo_restored_sending_again" in [line["event"] for line in logs]
    assert in_ledger(bridge, "subscription", "odoo_id", "new") is None
