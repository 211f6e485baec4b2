"""The whole way of money: counters over HTTP become a draft invoice in Odoo.

Odoo is away while the period freezes, and the bridge is killed after Odoo has made the
invoice and before the ledger knows: still it is one invoice, with each line once.
"""

import os
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploy.embedded.state import State
from tests.app_client import App, client_of
from tests.contract.conftest import running_standin
from tests.contract.odoo_target import OdooTarget
from tests.embedded_servers import PostgresServer
from tests.odoo_proxy import OdooProxy, odoo_proxy
from tests.stack_process import RunningStack, running_stack
from tests.waiting import wait_until

CATALOG = """
service: {{code: {code}, name: Billed, mode: live}}
metrics:
  - {{code: cpu, name: CPU, aggregation: sum, unit: s}}
  - {{code: users, name: Users, aggregation: unique, unit: user}}
plans:
  - code: plan
    name: Plan
    interval: monthly
    currency: CAD
    price: 20
    grace_hours: {grace_hours}
    charges:
      - metric: cpu
        model: package
        included: 3600
        price: 1.2345
        package_size: 3600
      - {{metric: users, model: standard, included: 1, price: 0.5}}
customers:
  - {{external_id: ada, name: Ada, email: ada@{code}.test}}
subscriptions:
  - {{external_id: ada-1, customer: ada, plan: plan, started_at: {start}}}
  - {{external_id: ada-2, customer: ada, plan: plan, started_at: {start}}}
"""
# 40,000 s are 11 begun blocks over 3,600; 4 users are 3 over 1; 7,201 s are 2 blocks.
LINES = [("13.58", "ada-1"), ("1.50", "ada-1"), ("2.47", "ada-2")]
WORKING = (
    "used 40000\nincluded 3600 of 3600\nover 36400\n"
    "11 blocks of 3600 x 1.2345 = 13.5795\nrounded 13.5795 to 13.58 CAD"
)
A_YEAR = 8760
BEAT_SECONDS = 150
"""A freeze a minute, a push a second, a lease of half a minute, on a busy machine."""


def last_month() -> datetime:
    """The start of the last whole month, of which this test's usage is."""
    first = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first - timedelta(days=1)).replace(day=1)


@pytest.fixture(params=["stand-in", "real"])
def odoo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OdooTarget]:
    option = request.config.getoption
    if request.param == "real":
        if not (url := option("--odoo-url")):
            pytest.skip("no --odoo-url names a real Odoo with the addon")
        yield OdooTarget(
            url=url.rstrip("/"),
            database=option("--odoo-database"),
            login=option("--odoo-login"),
            api_key=option("--odoo-api-key"),
            has_addon=True,
        )
        return
    postgres: PostgresServer = request.getfixturevalue("postgres_server")
    log = tmp_path / "standin.log"
    module = "odoo_bridge.embedded"
    with running_standin(postgres, "standin_bill", module, log) as target:
        yield target


@pytest.fixture
def proxy(odoo: OdooTarget) -> Iterator[OdooProxy]:
    with odoo_proxy(odoo.url) as proxy:
        yield proxy


@pytest.fixture
def stack(odoo: OdooTarget, proxy: OdooProxy, state: State) -> Iterator[RunningStack]:
    """A stack whose Odoo is behind the proxy."""
    environ = os.environ | {
        "ODOO_URL": proxy.url,
        "ODOO_DATABASE": odoo.database,
        "ODOO_LOGIN": odoo.login,
        "ODOO_API_KEY": odoo.api_key,
    }
    with running_stack(state.root, environ) as running:
        yield running


def load_catalog(stack: RunningStack, folder: Path, code: str, grace: int) -> None:
    text = CATALOG.format(
        code=code, grace_hours=grace, start=f"{last_month():%Y-%m-%d}"
    )
    path = folder / "catalog.yaml"
    path.write_text(text)
    loaded = stack.run("catalog", "load", str(path))
    assert loaded.returncode == 0, loaded.stderr


def counter(name: str, code: str, value: Any, subscription: str) -> dict[str, Any]:
    return {
        "transaction_id": name,
        "external_subscription_id": subscription,
        "code": code,
        "timestamp": (last_month() + timedelta(days=9)).isoformat(),
        "value": value,
    }


def push_usage(stack: RunningStack, code: str) -> None:
    """Counters of last month, over HTTP, until they are in the ledger."""
    made = stack.run("keys", "create", code)
    assert made.returncode == 0, made.stderr
    app = App(stack, code, client_of(stack, made.stdout.strip()))
    try:
        batch = [
            counter("c1", "cpu", "39999.5", "ada-1"),
            counter("c2", "cpu", "0.5", "ada-1"),
            *[counter(f"u{n}", "users", f"user-{n}", "ada-1") for n in range(4)],
            counter("c3", "cpu", 7201, "ada-2"),
        ]
        ids = [app.push_until_accepted(batch, 30)["id"] for _ in range(2)]
        wait_until(
            lambda: all(app.batch(key)["batch"]["state"] == "done" for key in ids),
            "both batches are done",
        )
        outcomes = [app.batch(key)["batch"]["outcomes"] for key in ids]
        assert sorted(found["applied"] for found in outcomes) == [0, 7]
    finally:
        app.close()


def bills(stack: RunningStack, code: str) -> list[tuple[str, int | None]]:
    """Status and invoice of each frozen period of the service."""
    with psycopg.connect(stack.database_url) as conn:
        return conn.execute(
            "SELECT k.status, k.invoice_id FROM period_bill k"
            " JOIN subscription b ON b.id = k.subscription_id"
            " JOIN service s ON s.id = b.service_id"
            " WHERE s.code = %s ORDER BY b.external_id",
            (code,),
        ).fetchall()


def invoices(odoo: OdooTarget, code: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = odoo.ask(
        "account.move",
        "search_read",
        domain=[["x_fc_service_id.code", "=", code]],
        fields=["state", "move_type", "amount_untaxed"],
    )
    return found


def lines(odoo: OdooTarget, move_id: int) -> list[Mapping[str, Any]]:
    """Of usage that costs something, in order."""
    found: list[Mapping[str, Any]] = odoo.ask(
        "account.move.line",
        "search_read",
        domain=[["move_id", "=", move_id], ["x_fc_usage_id", "!=", False]],
        fields=["name", "quantity", "price_unit"],
        order="id",
    )
    return [line for line in found if line["price_unit"]]


def money(value: float) -> str:
    """What Odoo sends as a double, to the cent."""
    return str(Decimal(repr(value)).quantize(Decimal("0.01")))


def test_a_months_counters_end_as_one_draft_invoice(
    stack: RunningStack, proxy: OdooProxy, odoo: OdooTarget, tmp_path: Path
) -> None:
    code = f"bill{time.time_ns():x}"
    load_catalog(stack, tmp_path, code, A_YEAR)
    push_usage(stack, code)

    load_catalog(stack, tmp_path, code, 0)
    proxy.stop()
    wait_until(
        lambda: bills(stack, code) == [("due", None)] * 2,
        "the period is frozen, and its bill due, while Odoo is away",
        BEAT_SECONDS,
    )
    assert invoices(odoo, code) == []

    proxy.hold = (b"/close_period", code.encode())
    proxy.start()
    assert proxy.held.wait(BEAT_SECONDS), "the bridge never called close_period"
    stack.kill("bridge")
    proxy.release()
    assert bills(stack, code) == [("due", None)] * 2
    (made,) = invoices(odoo, code)

    wait_until(
        lambda: {status for status, _ in bills(stack, code)} != {"due"},
        "the bridge that was started again asks once more",
        BEAT_SECONDS,
    )
    assert bills(stack, code) == [("unchanged", made["id"])] * 2
    assert invoices(odoo, code) == [made]
    assert (made["state"], made["move_type"]) == ("draft", "out_invoice")
    billed = lines(odoo, made["id"])
    names = [line["name"].partition(", ")[2].partition(":")[0] for line in billed]
    prices = [money(line["price_unit"]) for line in billed]
    assert list(zip(prices, names, strict=True)) == LINES
    assert {line["quantity"] for line in billed} == {1.0}
    assert billed[0]["name"].partition("\n")[2] == WORKING
    assert money(made["amount_untaxed"]) == "17.55"
    month = f"{last_month():%Y-%m}"
    told = stack.run("explain", "ada-1", "--service", code, "--period", month)
    assert f"account.move {made['id']} in Odoo" in told.stdout
    assert stack.run("verify", "--service", code).returncode == 0
    if "real" in os.environ["PYTEST_CURRENT_TEST"]:
        assert_taxed(odoo, made["id"])


def assert_taxed(odoo: OdooTarget, move_id: int) -> None:
    """13 % HST; the stand-in has no taxes."""
    (move,) = odoo.ask(
        "account.move", "read", ids=[move_id], fields=["amount_tax", "amount_total"]
    )
    assert (money(move["amount_tax"]), money(move["amount_total"])) == ("2.28", "19.83")
