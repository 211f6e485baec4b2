"""A threshold's whole story with Lago's client: plan, customer, events, webhook."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ledger.db import Connection
from ledger.endpoints import create_endpoint
from ledger.keys import create_key
from ledger.threshold_event import EVENT
from tests.api_world import Person, work_off
from tests.lago_world import lago_client, models
from tests.parked_world import KEY, events
from workers.thresholds import check_thresholds

Customer = models.customer.Customer
Event = models.event.Event
Plan = models.plan.Plan
Subscription = models.subscription.Subscription
UsageThreshold = models.usage_threshold.UsageThreshold
UsageThresholds = models.usage_threshold.UsageThresholds


@pytest.fixture
def client(url: str, olga: Person, conn: Connection) -> Any:
    """Olga's client, with a key that may change the catalog; somebody listens."""
    key = create_key(conn, olga.service, ("catalog",))
    hook = "http://127.0.0.1:9/hook"
    create_endpoint(conn, olga.service, hook, (), secret_key=KEY, allow_loopback=True)
    conn.commit()
    return lago_client(url, key)


def thresholds(*amounts: tuple[int, bool]) -> Any:
    return UsageThresholds(
        __root__=[
            UsageThreshold(amount_cents=cents, recurring=recurring)
            for cents, recurring in amounts
        ]
    )


@pytest.fixture
def busy(client: Any) -> str:
    """Bea's subscription to a plan of 1.00 per unit; told at 10.00, and every 5.00."""
    metric = client.billable_metrics.find("count")
    charge = models.charge.Charge(
        billable_metric_id=metric.lago_id,
        charge_model="standard",
        properties={"amount": "1"},
    )
    client.plans.create(
        Plan(
            name="Told",
            code="told",
            interval="monthly",
            amount_cents=0,
            amount_currency="CAD",
            charges=models.charge.Charges(__root__=[charge]),
            usage_thresholds=thresholds((1000, False), (500, True)),
        )
    )
    client.customers.create(Customer(external_id="bea", name="Bea"))
    client.subscriptions.create(
        Subscription(
            external_customer_id="bea",
            external_id="bea-1",
            plan_code="told",
            billing_time="calendar",
            subscription_at="2026-01-01T00:00:00Z",
        )
    )
    return "bea-1"


class Usage:
    """Bea's usage, folded and looked at."""

    def __init__(self, client: Any, olga: Person, urls: tuple[str, str]) -> None:
        self._client, self._olga, self._urls = client, olga, urls
        self._used = 0

    def add(self, units: int) -> None:
        for _ in range(units):
            self._used += 1
            self._client.events.create(
                Event(
                    transaction_id=f"e-{self._used}",
                    external_subscription_id="bea-1",
                    code="count",
                    timestamp=None,
                    precise_total_amount_cents=None,
                )
            )
        work_off(*self._urls, self._olga.service_id)
        check_thresholds(self._urls[0], lambda: datetime.now(UTC))


@pytest.fixture
def usage(
    client: Any, olga: Person, database_url: str, broker_url: str, busy: str
) -> Usage:
    return Usage(client, olga, (database_url, broker_url))


def told(conn: Connection, subscription_id: str) -> list[int]:
    found = (each["subscription"] for each in events(conn, EVENT))
    return [
        each["reached_amount_cents"]
        for each in found
        if each["lago_id"] == subscription_id
    ]


def test_an_app_is_told_of_each_level_once(
    client: Any, usage: Usage, conn: Connection
) -> None:
    subscription = client.subscriptions.find("bea-1")

    for units in (9, 1, 1, 10):
        usage.add(units)

    assert told(conn, subscription.lago_id) == [1000, 1500, 2000]
    shown = client.subscriptions.lifetime_usage("bea-1")
    assert shown.current_usage_amount_cents == 2100
    assert [each.amount_cents for each in shown.usage_thresholds] == [
        1000,
        1500,
        2000,
        2500,
    ]
    assert [each.reached_at is not None for each in shown.usage_thresholds] == [
        True,
        True,
        True,
        False,
    ]


def test_another_amount_is_another_threshold(
    client: Any, usage: Usage, conn: Connection
) -> None:
    subscription = client.subscriptions.find("bea-1")
    usage.add(12)

    client.plans.update(Plan(usage_thresholds=thresholds((1200, False))), "told")
    usage.add(0)

    assert told(conn, subscription.lago_id) == [1000, 1200]
