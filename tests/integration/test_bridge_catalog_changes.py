"""Apps' metrics and plans reach Odoo once, and nothing of them is lost on the way."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ledger.catalog_changes import (
    delete_metric,
    delete_plan,
    save_metric,
    save_plan,
)
from ledger.catalog_read import read_metric, read_plan
from ledger.db import connect as connect_ledger
from ledger.resending import send_changes_again
from odoo_bridge.catalog_load import CatalogFileError, load_catalog_file
from odoo_bridge.client import OdooClient
from odoo_bridge.difference import Difference
from odoo_bridge.drift_catalog import compare_catalog
from odoo_bridge.outgoing import SendReport, send_changes
from odoo_bridge.pull import pull_catalog
from odoo_bridge.push import push_rollups
from schemas.catalog_entries import (
    Charge,
    ChargeFilter,
    Metric,
    MetricFilter,
    Plan,
    Threshold,
    Tier,
)
from tests.bridge_world import PROTOCOLS, Bridge, bridge_to, catalog_file
from tests.contract.odoo_target import OdooTarget
from tests.ledger_world import counter, make_message, push
from tests.outgoing_world import later, now, send, subscribe, waiting

TIERS = (
    Tier(Decimal(10), Decimal("0.0075"), Decimal(1)),
    Tier(None, Decimal("0.005"), Decimal(0)),
)
METRIC: dict[str, Any] = {
    "name": "Tokens é",
    "aggregation": "sum",
    "field_name": "tokens",
    "description": "Of all models.\nIn and out.",
    "rounding": "ceil",
    "rounding_precision": -2,
    "filters": (MetricFilter("region", ("ca", "eu")), MetricFilter("model", ("a",))),
}
EU = ChargeFilter(
    values=(("model", ("a",)), ("region", ("eu", "ca"))),
    included=Decimal("5.00000000000000000001"),
    price=Decimal(0),
    package_size=None,
    tiers=TIERS,
    fixed=Decimal(0),
    free_events=0,
    group_keys=("user",),
    name="Europe",
)
CHARGE = Charge(
    "tokens",
    "graduated",
    Decimal(1),
    Decimal(0),
    None,
    TIERS,
    Decimal("2.5"),
    display_name="Tokens",
    group_keys=("model", "user"),
    filters=(EU,),
)
PLAN: dict[str, Any] = {
    "name": "Pro",
    "description": "For teams",
    "interval": "yearly",
    "currency": "CAD",
    "price": Decimal("19.99"),
    "charges": (CHARGE,),
    "usage_thresholds": (
        Threshold(Decimal("10.005"), False, "first"),
        Threshold(Decimal(50), True),
    ),
}
CATALOG = """
service: {{code: {code}, name: Bridge, mode: shadow}}
metrics:
  - code: calls
    aggregation: count
    description: Calls of the API
    filters: [{{key: region, values: [ca, eu]}}]
plans:
  - code: api
    interval: monthly
    currency: CAD
    price: 5
    description: By calls
    usage_thresholds: [{{amount: 9.5, recurring: true, name: each}}]
    charges:
      - metric: calls
        model: percentage
        price: 1.5
        fixed: 0.03
        free_events: 3
        group_keys: [user]
        display_name: API calls
        filters:
          - {{name: EU, values: {{region: [eu]}}, price: 2, fixed: 0.05}}
"""


@pytest.fixture
def bridge(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Bridge]:
    """The bridge over JSON-2, its catalog loaded."""
    with bridge_to(standin, database_url, tmp_path, "json2") as made:
        yield made


class Older:
    """A client of an addon that does not know the later terms."""

    NEWER = frozenset(
        {
            "archived",
            "changed",
            "description",
            "display_name",
            "field_name",
            "filters",
            "fixed",
            "free_events",
            "group_keys",
            "revision",
            "usage_thresholds",
        }
    )

    def __init__(self, client: OdooClient) -> None:
        self._client = client

    def call(self, model: str, method: str, **named: Any) -> Any:
        return self._answer(method, self._client.call(model, method, **named))

    def repeat(self, model: str, method: str, **named: Any) -> Any:
        return self._answer(method, self._client.repeat(model, method, **named))

    def _answer(self, method: str, answer: Any) -> Any:
        if method == "bridge_check":
            return {**answer, "addon": {"code": "19.0.1.1.0", "database": "19.0.1.1.0"}}
        if method == "export_catalog":
            return {**answer, "rows": [self._without(row) for row in answer["rows"]]}
        return answer

    def _without(self, row: dict[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in row.items() if key not in self.NEWER}
        if "charges" in kept:
            kept["charges"] = [self._without(charge) for charge in kept["charges"]]
        return kept


def save(bridge: Bridge, kind: str, code: str, **values: Any) -> None:
    write = {"metric": save_metric, "plan": save_plan}[kind]
    with connect_ledger(bridge.database_url) as conn:
        write(conn, bridge.world.service_id, code, values, datetime.now(UTC))


def delete(bridge: Bridge, kind: str, code: str) -> None:
    archive = {"metric": delete_metric, "plan": delete_plan}[kind]
    with connect_ledger(bridge.database_url) as conn:
        archive(conn, bridge.world.service_id, code, datetime.now(UTC))


def metric_of(bridge: Bridge, code: str = "tokens") -> Metric:
    with connect_ledger(bridge.database_url) as conn:
        found = read_metric(conn, bridge.world.code, code)
    assert found is not None
    return found


def plan_of(bridge: Bridge, code: str = "pro") -> Plan:
    with connect_ledger(bridge.database_url) as conn:
        found = read_plan(conn, bridge.world.code, code)
    assert found is not None
    return found


def pull(bridge: Bridge, client: Any = None) -> None:
    pull_catalog(client or bridge.client, bridge.database_url, datetime.now(UTC))


def drift(bridge: Bridge, client: Any = None) -> list[Difference]:
    with connect_ledger(bridge.database_url) as conn:
        pages = compare_catalog(
            client or bridge.client, conn, bridge.world.code, lambda: None
        )
        return [found for page in pages for found in page.differences]


def in_odoo(bridge: Bridge, model: str, name: str, code: str) -> dict[str, Any]:
    (row,) = bridge.odoo.ask(
        f"fusion.billing.{model}",
        "search_read",
        domain=[["service_id.code", "=", bridge.world.code], [name, "=", code]],
        context={"active_test": False},
    )
    return dict(row)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_an_app_made_comes_back_from_odoo_as_it_was(
    standin: OdooTarget, database_url: str, tmp_path: Path, protocol: str
) -> None:
    with bridge_to(standin, database_url, tmp_path, protocol) as bridge:
        save(
            bridge, "plan", "free", interval="monthly", currency="CAD", price=Decimal()
        )
        save(bridge, "metric", "tokens", **METRIC)
        save(bridge, "plan", "pro", **PLAN)
        made = metric_of(bridge), plan_of(bridge)

        report = send(bridge)
        pull(bridge)

        assert report == SendReport(taken=3, read_back=3)
        assert (metric_of(bridge), plan_of(bridge)) == made
        assert drift(bridge) == []
        assert send(bridge) == SendReport()


def test_a_subscription_follows_its_plan_and_the_plan_its_metric(
    bridge: Bridge,
) -> None:
    save(bridge, "metric", "tokens", **METRIC)
    save(bridge, "plan", "pro", **PLAN)
    subscribe(bridge, "app-sub", customer="customer", plan="pro")

    assert send(bridge).taken == 3
    assert all(not row[1] and row[4] for row in waiting(bridge))


def test_usage_of_a_new_metric_goes_out_as_soon_as_odoo_knows_it(
    bridge: Bridge,
) -> None:
    charge = replace(CHARGE, filters=(), group_keys=())
    save(bridge, "metric", "tokens", **METRIC)
    save(bridge, "plan", "plan", charges=(charge,))
    with connect_ledger(bridge.database_url) as conn:
        push(conn, make_message(bridge.world, (counter("one", code="tokens"),)))
    refused = push_rollups(bridge.client, bridge.database_url, now)

    send(bridge)
    pushed = push_rollups(bridge.client, bridge.database_url, now)

    assert (refused.refused, pushed.pushed) == (1, 1)


def test_a_change_leaves_what_a_person_changed_of_the_rest(bridge: Bridge) -> None:
    save(bridge, "metric", "tokens", **METRIC)
    save(bridge, "plan", "pro", **PLAN)
    send(bridge)
    key = in_odoo(bridge, "plan", "plan_code", "pro")["id"]
    bridge.odoo.ask("fusion.billing.plan", "write", ids=[key], vals={"name": "By hand"})
    save(bridge, "plan", "pro", price=Decimal(25))
    pull(bridge)
    before_sending = plan_of(bridge)
    send(bridge)
    pull(bridge)

    assert before_sending.name == "By hand"
    assert before_sending.price == 25
    assert plan_of(bridge) == before_sending
    assert in_odoo(bridge, "plan", "plan_code", "pro")["name"] == "By hand"


def test_a_pull_does_not_undo_charges_that_odoo_has_not_taken(bridge: Bridge) -> None:
    save(bridge, "metric", "tokens", **METRIC)
    save(bridge, "plan", "plan", charges=(CHARGE,))
    pull(bridge)
    kept = plan_of(bridge, "plan").charges
    send(bridge)
    pull(bridge)

    assert kept == (CHARGE,)
    assert plan_of(bridge, "plan").charges == (CHARGE,)


def test_what_is_deleted_is_archived_in_odoo(bridge: Bridge) -> None:
    save(bridge, "metric", "tokens", **METRIC)
    save(bridge, "plan", "pro", **PLAN)
    send(bridge)
    delete(bridge, "plan", "pro")
    delete(bridge, "metric", "tokens")
    # The metric goes first, and Odoo's plan still charges it.
    send(bridge)
    send_changes(bridge.client, bridge.database_url, later)
    pull(bridge)

    assert plan_of(bridge).archived
    assert metric_of(bridge).archived
    assert in_odoo(bridge, "plan", "plan_code", "pro")["active"] is False
    assert in_odoo(bridge, "metric", "code", "tokens")["active"] is False
    assert drift(bridge) == []


def test_archived_by_hand_in_odoo_is_archived_here(bridge: Bridge) -> None:
    key = in_odoo(bridge, "metric", "code", "max")["id"]
    bridge.odoo.ask("fusion.billing.metric", "write", ids=[key], vals={"active": False})
    pull(bridge)

    assert metric_of(bridge, "max").archived


def test_an_older_addon_is_sent_nothing_and_says_why(bridge: Bridge) -> None:
    save(bridge, "metric", "tokens", **METRIC)
    older: Any = Older(bridge.client)

    report = send_changes(older, bridge.database_url, now)

    assert report == SendReport(refused=1)
    ((_, unsent, attempts, error, _),) = waiting(bridge)
    assert (set(METRIC) <= set(unsent), attempts) == (True, 1)
    assert error.startswith("the addon 19.0.1.1.0 does not know filters")
    upgraded = send_changes(bridge.client, bridge.database_url, later)
    assert upgraded.taken == 1


def test_a_pull_from_an_older_addon_empties_nothing_and_is_no_drift(
    bridge: Bridge,
) -> None:
    save(bridge, "metric", "tokens", **METRIC)
    save(bridge, "plan", "pro", **PLAN)
    send(bridge)
    before = metric_of(bridge), plan_of(bridge)
    older: Any = Older(bridge.client)
    pull(bridge, older)

    assert (metric_of(bridge), plan_of(bridge)) == before
    assert drift(bridge, older) == []


def test_drift_of_a_filter_is_told_by_its_charge(bridge: Bridge) -> None:
    save(bridge, "metric", "tokens", **METRIC)
    save(bridge, "plan", "pro", **PLAN)
    send(bridge)
    plan = in_odoo(bridge, "plan", "plan_code", "pro")
    (charge,) = bridge.odoo.ask(
        "fusion.billing.charge", "search", domain=[["plan_id", "=", plan["id"]]]
    )
    bridge.odoo.ask(
        "fusion.billing.charge", "write", ids=[charge], vals={"filters": False}
    )

    (found,) = drift(bridge)
    assert (found.subject, found.field) == ("plan pro", "charge tokens filters")


def test_an_odoo_that_was_restored_is_sent_all_of_it_again(bridge: Bridge) -> None:
    save(bridge, "metric", "tokens", **METRIC)
    save(bridge, "plan", "pro", **PLAN)
    send(bridge)
    with connect_ledger(bridge.database_url) as conn:
        again = send_changes_again(conn, datetime.now(UTC))

    assert again == 2
    assert send(bridge).taken == 2


def test_a_catalog_file_brings_all_of_it(bridge: Bridge, tmp_path: Path) -> None:
    code, path = catalog_file(tmp_path, CATALOG)
    report = load_catalog_file(path, bridge.client, bridge.database_url)
    again = load_catalog_file(path, bridge.client, bridge.database_url)
    with connect_ledger(bridge.database_url) as conn:
        plan = read_plan(conn, code, "api")

    assert report.faults == ()
    assert again.counts["plan"] == {"created": 0, "updated": 0, "unchanged": 1}
    assert plan is not None
    (charge,) = plan.charges
    assert (charge.fixed, charge.free_events) == (Decimal("0.03"), 3)
    assert charge.filters[0].values == (("region", ("eu",)),)
    assert plan.usage_thresholds == (Threshold(Decimal("9.5"), True, "each"),)


def test_a_catalog_file_is_not_loaded_into_an_older_addon_that_would_drop_it(
    bridge: Bridge, tmp_path: Path
) -> None:
    _, path = catalog_file(tmp_path, CATALOG)
    older: Any = Older(bridge.client)

    with pytest.raises(CatalogFileError, match="does not know filters"):
        load_catalog_file(path, older, bridge.database_url)
