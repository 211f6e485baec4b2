"""P9: what a price is now is what Odoo's rows of the running period come to."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger.db import connect as connect_ledger
from odoo_bridge.pull import pull_catalog
from odoo_bridge.pull_pages import MODEL
from odoo_bridge.push import PushReport, push_rollups
from tests.bridge_world import Between, Bridge, bridge_to, now
from tests.contract.odoo_target import OdooTarget
from tests.ledger_world import counter, make_message, push

LONG_AGO_US = int(datetime(2026, 1, 2, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.fixture
def bridge(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    """The bridge, with 1,010 of "sum" and 7 of "max" used in the running period."""
    with bridge_to(standin, database_url, tmp_path, "json2") as made:
        use(made, "1", value="1010")
        use(made, "2", "max", "7")
        push_rollups(made.client, database_url, now)
        yield made


def use(
    bridge: Bridge,
    transaction_id: str,
    code: str = "sum",
    value: str = "1010",
    subscription: str = "sub-0",
    at_us: int | None = None,
) -> None:
    """Fold a counter of this moment, or of another one."""
    at_us = int(now().timestamp()) * 1_000_000 if at_us is None else at_us
    item = counter(transaction_id, code, value, None, subscription, at_us)
    with connect_ledger(bridge.database_url) as conn:
        push(conn, make_message(bridge.world, [item]))


def charge(**more: Any) -> dict[str, Any]:
    """The plan's one charge, as the catalog of the tests has it."""
    return {
        "metric": "sum",
        "model": "package",
        "included": "10",
        "price": "0.0075",
        "package_size": "100",
        "tiers": False,
        "minimum": "0",
        **more,
    }


def metric(bridge: Bridge, **more: Any) -> None:
    """Make the metric "sum" so in Odoo, and pull."""
    row = {
        "service": bridge.world.code,
        "code": "sum",
        "name": "sum",
        "aggregation": "sum",
        "unit": False,
        "rounding": "none",
        "rounding_precision": 0,
        **more,
    }
    apply(bridge, "metric", row)


def plan(bridge: Bridge, *charges: Any, **more: Any) -> None:
    """Make the plan so in Odoo, and pull."""
    row = {
        "service": bridge.world.code,
        "code": "plan",
        "name": "plan",
        "interval": "monthly",
        "currency": "CAD",
        "price": "20",
        "grace_hours": 48,
        "charges": list(charges),
        **more,
    }
    apply(bridge, "plan", row)


def apply(bridge: Bridge, kind: str, row: dict[str, Any]) -> None:
    """Apply a row in Odoo, and pull."""
    (result,) = bridge.odoo.ask(MODEL, "apply_catalog", kind=kind, rows=[row])
    assert result["status"] in ("created", "updated"), result
    report = pull_catalog(bridge.client, bridge.database_url, now())
    assert report.faults == ()


def dirty(bridge: Bridge) -> list[str]:
    """The metrics of rollups that are to be pushed, by subscription."""
    with connect_ledger(bridge.database_url) as conn:
        rows = conn.execute(
            "SELECT m.code FROM rollup r JOIN metric m ON m.id = r.metric_id "
            "WHERE r.revision > r.pushed_revision ORDER BY r.subscription_id, m.code"
        )
        return [code for (code,) in rows]


def amounts(bridge: Bridge) -> list[tuple[str, str]]:
    """Metric's and amount's texts of Odoo's rows, after a push."""
    push_rollups(bridge.client, bridge.database_url, now)
    return [(row["metric_id"][1], row["amount"]) for row in bridge.usage()]


def test_a_changed_price_reaches_the_rows_that_no_counter_touches(
    bridge: Bridge,
) -> None:
    assert amounts(bridge) == [("max", "0"), ("sum", "0.08")]

    plan(bridge, charge(price="1"))

    assert amounts(bridge) == [("max", "0"), ("sum", "10.00")]


def test_an_added_charge_reaches_them(bridge: Bridge) -> None:
    more = charge(metric="max", model="standard", included="0", package_size=False)
    plan(bridge, charge(), more)

    assert amounts(bridge) == [("max", "0.05"), ("sum", "0.08")]


def test_a_removed_charge_reaches_them(bridge: Bridge) -> None:
    plan(bridge)

    assert amounts(bridge) == [("max", "0"), ("sum", "0")]


def test_another_currency_reaches_them(bridge: Bridge) -> None:
    plan(bridge, charge(), currency="JPY")

    assert amounts(bridge) == [("max", "0"), ("sum", "0")]


def test_another_plan_of_a_subscription_rates_what_is_used_from_then_on(
    bridge: Bridge,
) -> None:
    second_us = 1_000_000
    at_us = int(now().timestamp()) * second_us
    use(bridge, "3", subscription="sub-1", at_us=at_us - 2 * second_us)
    plan(bridge, charge(price="1"), code="gold")
    assert [text for _, text in amounts(bridge)] == ["0", "0.08", "0.08"]
    row = {
        "service": bridge.world.code,
        "external_id": "sub-1",
        "customer": "customer",
        "plan": "gold",
        "started_at": "2026-01-01 00:00:00",
        "ended_at": False,
        "timezone": "UTC",
        "anchor": "calendar",
    }

    apply(bridge, "subscription", row)
    use(bridge, "4", subscription="sub-1", at_us=at_us + 60 * second_us)

    assert [text for _, text in amounts(bridge)] == ["0", "0.08", "0.08", "10.00"]


def test_another_minimum_sends_them_out_again(bridge: Bridge) -> None:
    plan(bridge, charge(minimum="5"))

    assert dirty(bridge) == ["max", "sum"]


@pytest.mark.parametrize(
    "change", [{"rounding": "ceil"}, {"rounding": "round", "rounding_precision": -2}]
)
def test_another_rounding_sends_the_metrics_rows_out_again(
    bridge: Bridge, change: dict[str, Any]
) -> None:
    use(bridge, "3", subscription="sub-1")
    use(bridge, "old", at_us=LONG_AGO_US)
    push_rollups(bridge.client, bridge.database_url, now)

    metric(bridge, **change)

    assert dirty(bridge) == ["sum", "sum"]
    assert push_rollups(bridge.client, bridge.database_url, now).pushed == 2


def test_another_precision_sends_them_out_again(bridge: Bridge) -> None:
    metric(bridge, rounding="ceil")
    push_rollups(bridge.client, bridge.database_url, now)

    metric(bridge, rounding="ceil", rounding_precision=1)

    assert dirty(bridge) == ["sum"]


def test_a_metric_of_another_service_leaves_them_alone(bridge: Bridge) -> None:
    theirs = {"code": f"{bridge.world.code}-other", "name": "Other", "mode": "shadow"}
    apply(bridge, "service", theirs)
    metric(bridge, service=theirs["code"])

    metric(bridge, service=theirs["code"], rounding="ceil")

    assert dirty(bridge) == []


def test_a_metrics_other_name_and_another_grace_push_nothing(bridge: Bridge) -> None:
    metric(bridge, name="Sum", unit="s")
    plan(bridge, charge(), grace_hours=0)

    assert dirty(bridge) == []


def test_a_period_that_has_ended_keeps_its_price(bridge: Bridge) -> None:
    use(bridge, "old", value="1010", at_us=LONG_AGO_US)
    push_rollups(bridge.client, bridge.database_url, now)

    plan(bridge, charge(price="1"))

    found = sorted(text for metric, text in amounts(bridge) if metric == "sum")
    assert found == ["0.08", "10.00"]


def test_a_price_that_stays_pushes_nothing(bridge: Bridge) -> None:
    plan(bridge, charge(), price="30")

    assert push_rollups(bridge.client, bridge.database_url, now) == PushReport()


def test_a_price_that_changes_during_the_call_goes_out_as_well(bridge: Bridge) -> None:
    use(bridge, "3", value="1")
    prices = iter(["1"])

    def change_once(_: Any) -> None:
        for price in prices:
            plan(bridge, charge(price=price))

    client: Any = Between(bridge.client, change_once)
    push_rollups(client, bridge.database_url, now)

    assert amounts(bridge) == [("max", "0"), ("sum", "11.00")]
