"""The catalog compared: Odoo owns it, and a pull brings the ledger up to it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.db import connect as connect_ledger
from odoo_bridge.difference import NONE
from odoo_bridge.drift import find_drift
from odoo_bridge.pull import pull_catalog
from tests.bridge_world import now
from tests.contract.odoo_target import OdooTarget
from tests.drift_world import Pair, converged
from tests.outgoing_world import change_subscription, send

MODELS = {
    "metric": "fusion.billing.metric",
    "plan": "fusion.billing.plan",
    "charge": "fusion.billing.charge",
    "subscription": "sale.order",
}


@pytest.fixture
def pair(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Pair]:
    """Two subscriptions with usage that Odoo has."""
    with converged(standin, database_url, tmp_path) as made:
        yield made


def in_odoo(pair: Pair, kind: str, *conditions: Any) -> list[int]:
    path = "plan_id.service_id" if kind == "charge" else "service_id"
    path = "x_fc_service_id" if kind == "subscription" else path
    domain = [[f"{path}.code", "=", pair.bridge.world.code], *conditions]
    found = pair.bridge.odoo.ask(MODELS[kind], "search", domain=domain)
    return list(found)


def change(pair: Pair, kind: str, *conditions: Any, **values: Any) -> None:
    ids = in_odoo(pair, kind, *conditions)
    assert len(ids) == 1
    pair.bridge.odoo.ask(MODELS[kind], "write", ids=ids, vals=values)


def differences(pair: Pair) -> dict[tuple[str, str], tuple[str, str]]:
    found = pair.drift()
    assert {d.kind for d in found} <= {"catalog"}
    return {(d.subject, d.field): (d.ledger_value, d.odoo_value) for d in found}


def test_prices_quotas_and_names_are_compared(pair: Pair) -> None:
    change(pair, "plan", price="21.5", name="Renamed")
    change(pair, "charge", price="0.0080", included="11")
    change(pair, "metric", ["code", "=", "max"], unit="s")

    assert differences(pair) == {
        ("plan plan", "price"): ("20", "21.5"),
        ("plan plan", "name"): ("plan", "Renamed"),
        ("plan plan", "charge sum price"): ("0.0075", "0.0080"),
        ("plan plan", "charge sum included"): ("10", "11"),
        ("metric max", "unit"): (NONE, "s"),
    }
    assert pair.pulls == ["looked again"]


def test_tiers_are_compared(pair: Pair) -> None:
    tiers = (
        '[{"up_to": "5", "unit_price": "1", "flat_price": "0"},'
        ' {"up_to": null, "unit_price": "2.50", "flat_price": "0"}]'
    )
    more = {"price": False, "package_size": False}
    change(pair, "charge", model="graduated", tiers=tiers, **more)

    found = differences(pair)

    assert found["plan plan", "charge sum model"] == ("package", "graduated")
    ledger, odoo = found["plan plan", "charge sum tiers"]
    assert (ledger, "2.50" in odoo) == (NONE, True)


def test_what_a_pull_brings_between_the_looks_is_no_drift(pair: Pair) -> None:
    change(pair, "plan", price="21.5")
    pair.conn.autocommit = True
    pages = find_drift(
        pair.bridge.client,
        pair.conn,
        pair.bridge.world.code,
        lambda: (
            pull_catalog(pair.bridge.client, pair.bridge.database_url, now()),
            None,
        )[1],
    )

    assert [found for page in pages for found in page.differences] == []


def test_a_name_that_a_pull_refuses_is_found_until_it_is_mended(pair: Pair) -> None:
    change(
        pair,
        "subscription",
        ["x_fc_external_id", "=", "sub-1"],
        x_fc_external_id="other",
    )
    pull_catalog(pair.bridge.client, pair.bridge.database_url, now())

    found = pair.drift()

    catalog = [d for d in found if d.kind == "catalog"]
    assert [(d.field, d.ledger_value, d.odoo_value) for d in catalog] == [
        ("external_id", "sub-1", "other")
    ]
    # Its usage goes by the new name in Odoo, and by the old one in the ledger.
    assert sorted(d.field for d in found if d.kind == "usage") == ["row", "row"]


def test_an_entry_deleted_in_odoo_is_told(pair: Pair) -> None:
    (key,) = in_odoo(pair, "metric", ["code", "=", "max"])
    pair.bridge.odoo.ask(MODELS["metric"], "unlink", ids=[key])

    assert differences(pair) == {("metric max", "row"): ("max", NONE)}


def test_an_entry_that_the_ledger_has_not_pulled_is_told(pair: Pair) -> None:
    row = {"service": pair.bridge.world.code, "code": "new", "name": "New"}
    row |= {"aggregation": "sum"}
    pair.bridge.odoo.ask(
        "fusion.billing.service", "apply_catalog", kind="metric", rows=[row]
    )

    assert differences(pair) == {("metric new", "row"): (NONE, "new")}


def test_what_an_app_changed_counts_only_where_odoo_refuses_it(pair: Pair) -> None:
    change_subscription(pair.bridge, "sub-0", timezone="Asia/Tokyo")
    sub_0 = ["x_fc_external_id", "=", "sub-0"]
    change(pair, "subscription", sub_0, x_fc_anchor="anniversary")
    on_its_way = differences(pair)
    with connect_ledger(pair.bridge.database_url) as conn:
        conn.execute("UPDATE local_change SET error = 'no such zone'")
    refused = [d for d in pair.drift() if d.field == "timezone"]
    send(pair.bridge)

    anchor = ("subscription sub-0", "anchor")
    assert on_its_way[anchor] == ("calendar", "anniversary")
    assert ("subscription sub-0", "timezone") not in on_its_way
    assert [(d.level, d.ledger_value) for d in refused] == [("failed", "Asia/Tokyo")]
    assert refused[0].advice.endswith("by itself: no such zone")
    assert ("subscription sub-0", "timezone") not in differences(pair)
