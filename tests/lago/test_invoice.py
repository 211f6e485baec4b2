"""Usage becomes an invoice in Odoo, which the app hears of and reads."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from tests.contract.odoo_target import OdooTarget
from tests.contract.test_addon_events import MOVE, pay
from tests.lago.moved_app import MovedApp, await_webhook, listening, move_app, run
from tests.lago_world import models
from tests.stack_process import RunningStack
from tests.waiting import wait_until
from tests.webhook_world import Receiver

CATALOG = """
metrics:
  - {{code: calls, name: Calls, aggregation: sum, field_name: calls}}
plans:
  - code: week
    name: Week
    interval: weekly
    currency: CAD
    price: 20
    grace_hours: {grace_hours}
    charges:
      - {{metric: calls, model: standard, price: 0.5}}
"""
A_YEAR = 8760
FREEZE_SECONDS = 180
"""A freeze a minute, a push a second, an invoice after both."""


@pytest.fixture
def odoo(stack: RunningStack) -> OdooTarget:
    addresses = stack.addresses
    return OdooTarget(
        url=addresses["odoo"],
        database=addresses["odoo_database"],
        login="fusion-bridge",
        api_key=addresses["odoo_api_key"],
        has_addon=True,
    )


@pytest.fixture
def app(stack: RunningStack, tmp_path: Path) -> Iterator[MovedApp]:
    made = move_app(stack, tmp_path, CATALOG.format(grace_hours=A_YEAR))
    yield made
    run(stack, "verify", "--service", made.service)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as receiver:
        yield receiver


def send(app: MovedApp, transaction_id: str, at: datetime, calls: int) -> None:
    app.lago.events.create(
        models.Event(
            transaction_id=transaction_id,
            external_subscription_id="ada-1",
            code="calls",
            timestamp=int(at.timestamp()),
            properties={"calls": calls},
        )
    )


def past_usage(app: MovedApp) -> list[Any]:
    found = app.lago.customers.past_usage("ada", "ada-1")
    periods: list[Any] = found["usage_periods"]
    return periods


def numbers(app: MovedApp) -> list[str]:
    return [found.number for found in app.lago.invoices.find_all()["invoices"]]


def invoice_ids(odoo: OdooTarget, service: str) -> list[int]:
    rows = odoo.ask(
        MOVE, "search_read", domain=[["x_fc_service_id.code", "=", service]]
    )
    return [row["id"] for row in rows]


def test_a_frozen_period_is_invoiced_paid_and_corrected(
    app: MovedApp, odoo: OdooTarget, receiver: Receiver, tmp_path: Path
) -> None:
    begun = datetime.now(UTC).replace(microsecond=0) - timedelta(days=10)
    app.lago.webhook_endpoints.create(
        models.WebhookEndpoint.parse_obj({"webhook_url": receiver.url})
    )
    app.subscribe(plan_code="week", subscription_at=begun.isoformat())
    send(app, "c1", begun + timedelta(days=1), 10)
    send(app, "now", datetime.now(UTC) - timedelta(hours=1), 2)
    app.await_usage(100)

    app.load(CATALOG.format(grace_hours=0))
    wait_until(lambda: bool(past_usage(app)), "the week is frozen", FREEZE_SECONDS)
    wait_until(
        lambda: bool(invoice_ids(odoo, app.service)), "Odoo bills it", FREEZE_SECONDS
    )
    (move_id,) = invoice_ids(odoo, app.service)
    odoo.ask(MOVE, "action_post", ids=[move_id])

    request, body = await_webhook(receiver, "invoice.created")
    jwt.decode(
        request.headers["x-lago-signature"],
        app.lago.webhooks.public_key(),
        algorithms=["RS256"],
        issuer=app.stack.api,
    )
    told = body["invoice"]
    assert told["sub_total_excluding_taxes_amount_cents"] == 500
    wait_until(
        lambda: numbers(app) == [told["number"]], "the posted invoice is pulled", 90
    )
    invoice = app.lago.invoices.find(told["lago_id"])
    assert (invoice.status, invoice.currency) == ("finalized", "CAD")
    assert invoice.sub_total_excluding_taxes_amount_cents == 500
    assert sum(fee.amount_cents for fee in invoice.fees.__root__) == 500
    cents = [name for name in told if name.endswith("_cents")]
    assert len(cents) > 10
    assert {name: getattr(invoice, name) for name in cents} == {
        name: told[name] for name in cents
    }
    assert [fee["lago_id"] for fee in told["fees"]] == [
        fee.lago_id for fee in invoice.fees.__root__
    ]
    wait_until(
        lambda: app.lago.invoices.download(told["lago_id"]) is not None, "a PDF", 90
    )
    file_url = app.lago.invoices.download(told["lago_id"]).file_url
    assert httpx.get(file_url).content.startswith(b"%PDF")
    page = app.lago.invoices.payment_url(told["lago_id"])
    assert page.startswith(f"{odoo.url}/my/invoices/{move_id}?access_token=")
    # Not customer_invoices: those lists of the Python client send no key.
    listed = app.lago.invoices.find_all({"external_customer_id": "ada"})["invoices"]
    assert [found.lago_id for found in listed] == [told["lago_id"]]

    pay(odoo, move_id)
    _, body = await_webhook(receiver, "invoice.payment_status_updated")
    assert body["invoice"]["lago_id"] == told["lago_id"]
    assert body["invoice"]["payment_status"] == "succeeded"

    send(app, "late", begun + timedelta(days=2), 4)
    usage = app.await_usage(300)  # 2 calls of this week, and 4 of the week before
    assert [charge.units for charge in usage.charges_usage] == ["2.0"]
    assert [period.amount_cents for period in past_usage(app)] == [500]
