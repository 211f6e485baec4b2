"""A frozen period ends as one draft invoice in Odoo, whatever happens on the way."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from ledger.closed import bill_again
from ledger.db import connect as connect_ledger
from odoo_bridge.client import connect
from odoo_bridge.closing import CloseReport, close_pace
from odoo_bridge.difference import Difference
from odoo_bridge.drift_usage import compare_usage
from odoo_bridge.errors import (
    OdooInvalidError,
    OdooMisconfiguredError,
    OdooTimeoutError,
    OdooUnavailableError,
    OdooUnreachableError,
)
from tests.bridge_world import Between, Bridge, TooMany, bridge_to, settings_for
from tests.closing_world import (
    SERVICE,
    USAGE,
    billed_amounts,
    bills,
    close_all,
    freeze_until,
    invoices,
    lines,
    push_all,
    set_mode,
    use,
    write,
)
from tests.contract.odoo_target import OdooTarget
from tests.scripted_server import closed_port_url, http_answer, scripted_server

MAY = datetime(2026, 5, 10, tzinfo=UTC)
MAY_BEGAN = datetime(2026, 5, 1, tzinfo=UTC)
JUNE = datetime(2026, 6, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Killed(BaseException):
    """The worker is gone, at this very line."""


@pytest.fixture
def bridge(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    """250 used in May, 240 over: 3 begun blocks at 0.0075 are 0.0225, so 0.02."""
    with bridge_to(standin, database_url, tmp_path, "json2") as made:
        set_mode(made, "live")
        use(made, "may", MAY, "250")
        freeze_until(made, JUNE)
        push_all(made, JUNE)
        yield made


def of_may(bridge: Bridge) -> list[tuple[Any, ...]]:
    return [
        (bill["subscription"], bill["status"], bill["invoice_id"], bill["reason"])
        for bill in bills(bridge)
        if bill["period_start"] == MAY_BEGAN
    ]


def usage_of_may(bridge: Bridge) -> list[int]:
    found: list[int] = bridge.odoo.ask(
        USAGE,
        "search",
        domain=[["service_id.code", "=", bridge.world.code], ["quantity", "=", "250"]],
    )
    return found


def test_a_frozen_period_is_one_draft_with_its_working(bridge: Bridge) -> None:
    report = close_all(bridge, JUNE)

    (invoice,) = invoices(bridge)
    own, other = lines(bridge, invoice["id"])
    assert (invoice["state"], invoice["move_type"]) == ("draft", "out_invoice")
    assert (own["price_unit"], other["price_unit"]) == (0.02, 0.0)
    assert own["name"] == (
        "sum, sub-0: 2026-05-01 to 2026-05-31\n"
        "used 250\nincluded 10 of 10\nover 240\n"
        "3 blocks of 100 x 0.0075 = 0.0225\nrounded 0.0225 to 0.02 CAD"
    )
    assert of_may(bridge) == [
        ("sub-0", "created", invoice["id"], None),
        ("sub-1", "created", invoice["id"], None),
    ]
    # January to April came to nothing.
    assert report == CloseReport(closed=5)
    assert close_all(bridge, JUNE) == CloseReport()


def test_late_usage_is_a_line_of_its_own_on_the_next_periods_invoice(
    bridge: Bridge,
) -> None:
    close_all(bridge, JUNE)
    use(bridge, "late", MAY, "100")
    freeze_until(bridge, JUNE + timedelta(days=30))
    push_all(bridge, JUNE + timedelta(days=30))
    close_all(bridge, JUNE + timedelta(days=30))

    _, second = invoices(bridge)
    (line,) = [x for x in lines(bridge, second["id"]) if x["price_unit"]]
    assert line["price_unit"] == 0.01
    assert line["name"].startswith("Correction of the period from 2026-05-01")
    assert "billed before: 0.02 CAD\n" in line["name"]
    assert line["name"].endswith("difference: 0.01 CAD")


def test_a_worker_that_dies_between_call_and_commit_bills_nothing_twice(
    bridge: Bridge,
) -> None:
    def die(named: Any) -> None:
        raise Killed

    with pytest.raises(Killed):
        close_all(bridge, JUNE, Between(bridge.client, die))
    (invoice,) = invoices(bridge)
    assert {status for _, status, _, _ in of_may(bridge)} == {"due"}
    assert close_all(bridge, JUNE) == CloseReport()  # leased

    close_all(bridge, JUNE + HOUR)

    assert [found["id"] for found in invoices(bridge)] == [invoice["id"]]
    assert len(lines(bridge, invoice["id"])) == 2
    assert of_may(bridge) == [
        ("sub-0", "unchanged", invoice["id"], None),
        ("sub-1", "unchanged", invoice["id"], None),
    ]


def test_an_odoo_that_is_away_costs_only_delay(bridge: Bridge) -> None:
    with (
        connect(settings_for(closed_port_url())) as away,
        pytest.raises(OdooUnreachableError),
    ):
        close_all(bridge, JUNE, away)
    assert {status for _, status, _, _ in of_may(bridge)} == {"due"}

    assert close_all(bridge, JUNE) == CloseReport(closed=5)


def test_an_addon_of_another_version_is_one_error_and_no_refusal(
    bridge: Bridge,
) -> None:
    with (
        scripted_server(http_answer(b'["what"]')) as other,
        connect(settings_for(other.url)) as client,
        pytest.raises(OdooMisconfiguredError, match="another version"),
    ):
        close_all(bridge, JUNE, client)

    assert close_all(bridge, JUNE) == CloseReport(closed=5)


def test_a_bill_that_odoo_chokes_on_holds_up_no_other(bridge: Bridge) -> None:
    def choke(named: Any) -> None:
        if any(row["period_start"].startswith("2026-05") for row in named["rows"]):
            raise OdooInvalidError("no")

    report = close_all(bridge, JUNE, Between(bridge.client, choke))

    assert report == CloseReport(closed=4, refused=1)
    assert of_may(bridge)[0] == ("sub-0", "due", None, "no")


def test_bills_too_many_for_one_call_are_billed_by_smaller_ones(
    bridge: Bridge,
) -> None:
    client, pace = TooMany(bridge.client, 2), close_pace()
    now = JUNE
    for _ in range(10):
        with suppress(OdooTimeoutError):
            close_all(bridge, now, client, pace)
        now += timedelta(seconds=30)

    assert {bill["status"] for bill in bills(bridge)} == {"empty", "created"}
    assert {bill["reason"] for bill in bills(bridge)} == {None}


def test_a_bill_that_alone_takes_too_long_holds_up_no_other(bridge: Bridge) -> None:
    def take_long(named: Any) -> None:
        if any(row["period_start"].startswith("2026-05") for row in named["rows"]):
            raise OdooTimeoutError("Odoo did not answer in time")

    client, pace = Between(bridge.client, take_long), close_pace()
    now = JUNE
    for _ in range(15):
        with suppress(OdooTimeoutError):
            close_all(bridge, now, client, pace)
        now += timedelta(seconds=30)

    others = [bill for bill in bills(bridge) if bill["period_start"] != MAY_BEGAN]
    assert {bill["status"] for bill in others} == {"empty"}
    (_, status, _, reason), _ = of_may(bridge)
    assert status == "due"
    assert reason.startswith("Odoo did not answer in time: one invoice, of too many")
    assert close_all(bridge, now + HOUR) == CloseReport(closed=1)
    assert len(invoices(bridge)) == 1


def test_an_odoo_that_asks_to_be_left_alone_blames_no_bill(bridge: Bridge) -> None:
    busy = OdooUnavailableError("busy")
    busy.retry_after_seconds = 5.0

    def refuse(named: Any) -> None:
        if named["rows"]:
            raise busy

    pace = close_pace()
    with pytest.raises(OdooUnavailableError):
        close_all(bridge, JUNE, Between(bridge.client, refuse), pace)

    assert {reason for _, _, _, reason in of_may(bridge)} == {None}
    assert close_all(bridge, JUNE, None, pace) == CloseReport()
    later = JUNE + timedelta(seconds=6)
    assert close_all(bridge, later, None, pace) == CloseReport(closed=5)


def test_what_froze_live_waits_while_odoo_has_the_service_in_shadow(
    bridge: Bridge,
) -> None:
    set_mode(bridge, "shadow")
    with capture_logs() as logged:
        held = close_all(bridge, JUNE)
    set_mode(bridge, "live")

    assert held == CloseReport(held=5)
    assert {line["event"] for line in logged} == {"bill_in_shadow"}
    assert invoices(bridge) == []
    assert close_all(bridge, JUNE) == CloseReport()
    assert close_all(bridge, JUNE + HOUR) == CloseReport(closed=5)


def test_a_row_changed_by_hand_in_odoo_is_not_billed(bridge: Bridge) -> None:
    ids = usage_of_may(bridge)
    bridge.odoo.ask(USAGE, "write", ids=ids, vals={"amount": "9.99"})

    report = close_all(bridge, JUNE)

    assert report == CloseReport(closed=4, refused=1)
    assert invoices(bridge) == []
    reason = "amount: the period comes to 0.02, Odoo's rows to 9.99"
    assert of_may(bridge)[0] == ("sub-0", "due", None, reason)
    bridge.odoo.ask(USAGE, "write", ids=ids, vals={"amount": "0.02"})
    assert close_all(bridge, JUNE + HOUR) == CloseReport(closed=1)


def test_a_row_that_odoo_has_lost_is_billed_once_it_is_pushed_again(
    bridge: Bridge,
) -> None:
    bridge.odoo.ask(USAGE, "unlink", ids=usage_of_may(bridge))
    close_all(bridge, JUNE)
    (_, _, _, reason), _ = of_may(bridge)
    assert reason == "rollups: the period has 2 rows, Odoo 1"

    write(
        bridge,
        "UPDATE rollup SET revision = revision + 1 WHERE subscription_id IN ("
        " SELECT b.id FROM subscription b JOIN service s ON s.id = b.service_id"
        " WHERE s.code = %s)",
    )
    push_all(bridge, JUNE)

    assert close_all(bridge, JUNE + timedelta(seconds=1)) == CloseReport(closed=1)
    assert len(invoices(bridge)) == 1


def test_a_subscription_that_moved_in_odoo_is_billed_to_its_new_client(
    bridge: Bridge,
) -> None:
    code = bridge.world.code
    other = {"service": code, "external_id": "other", "name": "Other"}
    moved = {"service": code, "external_id": "sub-0", "customer": "other"}
    moved |= {"plan": "plan", "started_at": "2026-01-01 00:00:00"}
    moved |= {"timezone": "UTC", "anchor": "calendar"}
    for kind, row in (("customer", other), ("subscription", moved)):
        bridge.odoo.ask(SERVICE, "apply_catalog", kind=kind, rows=[row])

    before = close_all(bridge, JUNE)
    refusals = {reason for _, _, _, reason in of_may(bridge)}
    write(
        bridge,
        "WITH o AS (INSERT INTO customer (service_id, external_id, name)"
        " SELECT id, 'other', 'Other' FROM service WHERE code = %s RETURNING *)"
        " UPDATE subscription b SET customer_id = o.id FROM o"
        " WHERE b.service_id = o.service_id AND b.external_id = 'sub-0'",
    )
    close_all(bridge, JUNE + HOUR)

    assert before == CloseReport(refused=5)
    assert refusals == {"subscriptions: sub-0: not of this client"}
    (invoice,) = invoices(bridge)
    assert invoice["partner_id"][1] == "Other"
    assert [status for _, status, _, _ in of_may(bridge)] == ["created", "empty"]


@pytest.mark.parametrize("lost", ["deleted", "cancelled"])
def test_a_lost_invoice_is_told_and_billed_again_on_demand(
    bridge: Bridge, lost: str
) -> None:
    close_all(bridge, JUNE)
    (first,) = invoices(bridge)
    assert invoice_drift(bridge) == []
    method = "unlink" if lost == "deleted" else "button_cancel"
    bridge.odoo.ask("account.move", method, ids=[first["id"]])

    # The other subscription's row comes to nothing: nobody misses it.
    (found,) = invoice_drift(bridge)
    assert found.level == "warning"
    assert found.subject.endswith(f"on invoice {first['id']}")
    assert (found.ledger_value, found.odoo_value) == ("0.02", "none")
    assert close_all(bridge, JUNE + HOUR) == CloseReport()  # it may have been meant

    with connect_ledger(bridge.database_url) as conn:
        stranger = bill_again(conn, "another", first["id"], JUNE)
        again = bill_again(conn, bridge.world.code, first["id"], JUNE)
    assert (stranger, again) == (0, 2)
    assert close_all(bridge, JUNE + HOUR) == CloseReport(closed=1)
    living = [found for found in invoices(bridge) if found["state"] != "cancel"]
    assert len(living) == 1
    assert len(lines(bridge, living[0]["id"])) == 2
    assert invoice_drift(bridge) == []


def test_billing_an_invoice_again_that_is_there_changes_nothing(
    bridge: Bridge,
) -> None:
    close_all(bridge, JUNE)
    before = invoices(bridge), billed_amounts(bridge)
    with connect_ledger(bridge.database_url) as conn:
        bill_again(conn, bridge.world.code, before[0][0]["id"], JUNE)

    close_all(bridge, JUNE + HOUR)

    assert (invoices(bridge), billed_amounts(bridge)) == before
    assert {status for _, status, _, _ in of_may(bridge)} == {"unchanged"}


def invoice_drift(bridge: Bridge) -> list[Difference]:
    with connect_ledger(bridge.database_url) as conn:
        conn.autocommit = True
        pages = list(compare_usage(bridge.client, conn, bridge.world.code))
    return [found for page in pages for found in page.differences]
