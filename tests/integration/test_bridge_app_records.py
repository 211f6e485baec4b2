"""What apps write by Lago's names reaches Odoo, at once or when it is back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.app_customers import CustomerInput, put_customer
from ledger.app_subscriptions import SubscriptionInput, put_subscription
from ledger.customer_deletion import delete_customer
from ledger.db import connect as connect_ledger
from ledger.due_subscriptions import STEPS
from ledger.subscription_ends import end_subscription
from ledger.subscriptions import Subscription, find_subscription
from odoo_bridge.catalog_load import load_catalog_file
from odoo_bridge.client import connect
from odoo_bridge.errors import OdooUnreachableError
from odoo_bridge.outgoing import SendReport, send_changes
from odoo_bridge.pull import pull_catalog
from tests.bridge_world import Bridge, bridge_to, settings_for
from tests.contract.odoo_target import OdooTarget
from tests.outgoing_world import exported, in_ledger, now, send
from tests.scripted_server import closed_port_url

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
CHEAP = """
service: {{code: {code}}}
plans:
  - {{code: cheap, interval: monthly, currency: CAD, price: 1}}
"""


@pytest.fixture
def bridge(
    standin: OdooTarget,
    database_url: str,
    tmp_path: Path,
) -> Iterator[Bridge]:
    """The bridge over JSON-2; its catalog has a cheap plan as well."""
    with bridge_to(standin, database_url, tmp_path, "json2") as made:
        path = tmp_path / "more.yaml"
        path.write_text(CHEAP.format(code=made.world.code), encoding="utf-8")
        assert load_catalog_file(path, made.client, database_url).faults == ()
        yield made


def subscribe(bridge: Bridge, plan: str, **values: Any) -> Subscription:
    """As ``POST /subscriptions`` does."""
    given = SubscriptionInput("lago-1", "lago-c", plan, values)
    service = (bridge.world.service_id, bridge.world.code)
    with connect_ledger(bridge.database_url) as conn:
        return put_subscription(conn, service, given, NOW)


def order(bridge: Bridge) -> Any:
    return exported(bridge, "subscription")["lago-1"]


def test_a_customer_made_by_lagos_names_arrives_with_its_contact(
    bridge: Bridge,
) -> None:
    service = (bridge.world.service_id, bridge.world.code)
    address = f"lago@{bridge.world.code}.test"
    given = CustomerInput(
        {"name": "Grace", "email": address, "country": "CA", "state": "ON"},
        {"firstname": "Grace", "timezone": "America/Toronto"},
    )
    with connect_ledger(bridge.database_url) as conn:
        put_customer(conn, service, "lago-c", given, NOW)

    assert send(bridge) == SendReport(taken=1, read_back=1)

    row = exported(bridge, "customer")["lago-c"]
    assert (row["name"], row["email"]) == ("Grace", address)
    profile = in_ledger(bridge, "customer", "profile", "lago-c")
    assert profile == ({"firstname": "Grace", "timezone": "America/Toronto"},)


def test_what_was_made_while_odoo_was_away_arrives_when_it_is_back(
    bridge: Bridge,
) -> None:
    subscribe(bridge, "cheap")
    with (
        connect(settings_for(closed_port_url())) as away,
        pytest.raises(OdooUnreachableError),
    ):
        send(bridge, away)

    after = subscribe(bridge, "plan")

    assert (after.status, after.plan) == ("active", "plan")
    send(bridge)
    assert (order(bridge)["customer"], order(bridge)["plan"]) == ("lago-c", "plan")


def test_a_downgrade_goes_to_odoo_when_it_takes_effect_and_no_pull_undoes_it(
    bridge: Bridge,
) -> None:
    subscribe(bridge, "plan", started_at=NOW - 40 * DAY)
    send(bridge)

    planned = subscribe(bridge, "cheap").next_plan_at

    assert planned is not None
    assert send(bridge) == SendReport()
    pull_catalog(bridge.client, bridge.database_url, now())
    assert order(bridge)["plan"] == "plan"
    with connect_ledger(bridge.database_url) as conn:
        for find, act in STEPS:
            for key in find(conn, planned):
                act(conn, key, planned)
    pull_catalog(bridge.client, bridge.database_url, now())
    assert plan_in_ledger(bridge) == "cheap"
    send_later(bridge, planned)
    assert order(bridge)["plan"] == "cheap"
    pull_catalog(bridge.client, bridge.database_url, now())
    assert plan_in_ledger(bridge) == "cheap"


def test_a_deleted_customers_subscription_ends_in_odoo_which_keeps_the_client(
    bridge: Bridge,
) -> None:
    subscribe(bridge, "plan", started_at=NOW - 40 * DAY)
    send(bridge)
    service = (bridge.world.service_id, bridge.world.code)
    with connect_ledger(bridge.database_url) as conn:
        delete_customer(conn, service, "lago-c", NOW)

    send(bridge)
    pull_catalog(bridge.client, bridge.database_url, now())

    assert order(bridge)["ended_at"] == f"{NOW:%Y-%m-%d %H:%M:%S}"
    assert "lago-c" in exported(bridge, "customer")
    assert in_ledger(bridge, "customer", "deleted_at IS NULL", "lago-c") == (False,)


def test_one_that_was_canceled_and_made_anew_arrives_with_its_new_customer(
    bridge: Bridge,
) -> None:
    service = (bridge.world.service_id, bridge.world.code)
    subscribe(bridge, "plan", started_at=NOW + 3 * DAY)
    send(bridge)
    with connect_ledger(bridge.database_url) as conn:
        end_subscription(conn, service, "lago-1", None, NOW)
    send(bridge)
    pull_catalog(bridge.client, bridge.database_url, now())
    given = SubscriptionInput("lago-1", "lago-d", "cheap", {"started_at": NOW - DAY})
    with connect_ledger(bridge.database_url) as conn:
        made = put_subscription(conn, service, given, NOW)

    send(bridge)
    pull_catalog(bridge.client, bridge.database_url, now())

    assert made.status == "active"
    row = order(bridge)
    assert (row["customer"], row["plan"], row["ended_at"]) == ("lago-d", "cheap", False)
    assert row["started_at"] == f"{NOW - DAY:%Y-%m-%d %H:%M:%S}"
    with connect_ledger(bridge.database_url) as conn:
        found = find_subscription(conn, service[0], "lago-1", NOW)
    assert found is not None
    assert (found.status, found.customer, found.plan) == ("active", "lago-d", "cheap")


def plan_in_ledger(bridge: Bridge) -> Any:
    with connect_ledger(bridge.database_url) as conn:
        row = conn.execute(
            "SELECT p.code FROM subscription b JOIN plan p ON p.id = b.plan_id "
            "WHERE b.external_id = 'lago-1' AND b.service_id = %s",
            (bridge.world.service_id,),
        ).fetchone()
    return row and row[0]


def send_later(bridge: Bridge, moment: datetime) -> None:
    """Send what became due at a moment of the test's choice."""
    send_changes(bridge.client, bridge.database_url, lambda: moment + DAY)
