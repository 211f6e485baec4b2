"""`fusion-billing drift`: an operator finds what was changed by hand, and repairs."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from deploy.cli import main
from ledger.db import connect as connect_ledger
from ledger.drift import lock_drift
from schemas.messages import MAX_INT4
from tests.contract.odoo_target import OdooTarget
from tests.drift_world import USAGE, Pair, converged
from tests.scripted_server import closed_port_url
from tests.webhook_world import SECRET_KEY


@pytest.fixture
def pair(standin: OdooTarget, database_url: str, tmp_path: Path) -> Iterator[Pair]:
    """Two subscriptions with usage that Odoo has."""
    with converged(standin, database_url, tmp_path) as made:
        yield made


@pytest.fixture(autouse=True)
def environment(
    monkeypatch: pytest.MonkeyPatch,
    standin: OdooTarget,
    database_url: str,
    tmp_path: Path,
) -> pytest.MonkeyPatch:
    """The environment of an operator."""
    monkeypatch.chdir(tmp_path)  # no .fusion here
    for name, value in {
        "DATABASE_URL": database_url,
        "BROKER_URL": "redis://127.0.0.1:2",
        "ODOO_URL": standin.url,
        "ODOO_DATABASE": standin.database,
        "ODOO_LOGIN": standin.login,
        "ODOO_API_KEY": standin.api_key,
        "FUSION_SECRET_KEY": SECRET_KEY,
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def drift(pair: Pair, *options: str) -> Result:
    code = pair.bridge.world.code
    return CliRunner().invoke(main, ["drift", "--service", code, *options])


def usage(pair: Pair) -> list[dict[str, Any]]:
    names = ("quantity", "overage", "amount")
    return [{name: row[name] for name in names} for row in pair.bridge.usage()]


def test_what_agrees_says_so_and_exits_with_0(pair: Pair) -> None:
    shown = drift(pair)

    assert (shown.exit_code, shown.stderr) == (0, "")
    # Two rollups; a service, two metrics, a plan, a customer and two subscriptions.
    assert shown.stdout == "the ledger and Odoo agree; 9 compared\n"


def test_a_difference_is_shown_with_both_values_and_what_to_do(pair: Pair) -> None:
    first, _ = pair.rows()
    pair.by_hand("write", [first], vals={"quantity": "9999"})

    shown = drift(pair)

    assert shown.exit_code == 1
    assert shown.stdout == (
        f"{pair.bridge.world.code}: drift: usage {pair.names()[0]}: quantity: ledger "
        "12, Odoo 9999\n  drift --repair pushes the ledger's row again\n"
    )
    assert shown.stderr == "1 differences; 9 compared\n"
    assert usage(pair)[0]["quantity"] == "9999"


def test_json_has_a_difference_a_line(pair: Pair) -> None:
    first, second = pair.rows()
    pair.by_hand("write", [first], vals={"quantity": "9999"})
    pair.by_hand("unlink", [second])

    shown = drift(pair, "--json")

    rows = [json.loads(line) for line in shown.stdout.splitlines()]
    assert {(r["field"], r["odoo_value"]) for r in rows} == {
        ("quantity", "9999"),
        ("row", "none"),
    }
    assert {r["outcome"] for r in rows} == {None}
    assert shown.exit_code == 1


def test_repair_puts_back_what_was_changed_and_what_was_deleted(pair: Pair) -> None:
    before = usage(pair)
    first, second = pair.rows()
    pair.by_hand("write", [first], vals={"quantity": "9999", "revision": 1000})
    pair.by_hand("unlink", [second])

    shown = drift(pair, "--repair")

    assert shown.exit_code == 0, shown.output
    assert shown.stdout.count("put right") == 3
    assert usage(pair) == before
    assert drift(pair).exit_code == 0
    assert drift(pair, "--repair").stdout.startswith("the ledger and Odoo agree")


def test_repair_leaves_what_only_odoo_has_to_a_person(pair: Pair) -> None:
    first, _ = pair.rows()
    names = ["subscription_id", "metric_id", "service_id", "revision", "state"]
    (row,) = pair.bridge.odoo.ask(USAGE, "read", ids=[first], fields=names, load=None)
    made = {name: row[name] for name in names}
    made |= {"period_start": "2020-01-01 00:00:00", "quantity": "3"}
    made |= {"period_end": "2020-02-01 00:00:00"}
    pair.bridge.odoo.ask(USAGE, "create", vals_list=made)

    shown = drift(pair, "--repair")

    assert shown.exit_code == 1
    assert "not repaired: the ledger never sent it" in shown.stdout
    assert len(pair.rows()) == 3


def test_a_revision_that_none_can_exceed_is_told_and_not_tried(pair: Pair) -> None:
    first, _ = pair.rows()
    pair.by_hand("write", [first], vals={"revision": MAX_INT4})

    shown = drift(pair, "--repair")
    pair.by_hand("write", [first], vals={"revision": 0})

    assert shown.exit_code == 1
    assert "leaves no room" in shown.stdout
    assert drift(pair, "--repair").exit_code == 0


def test_repair_pulls_the_catalog(pair: Pair) -> None:
    odoo, code = pair.bridge.odoo, pair.bridge.world.code
    model = "fusion.billing.plan"
    ids = odoo.ask(model, "search", domain=[["service_id.code", "=", code]])
    odoo.ask(model, "write", ids=ids, vals={"price": "21.5"})

    assert drift(pair, "--repair").exit_code == 0
    assert drift(pair).exit_code == 0


def test_odoo_keeps_what_is_found_until_it_is_gone(pair: Pair) -> None:
    first, _ = pair.rows()
    pair.by_hand("write", [first], vals={"quantity": "9999"})

    def checks() -> list[tuple[Any, ...]]:
        names = ["level", "field", "ledger_value", "odoo_value", "usage_id", "resolved"]
        rows = pair.bridge.odoo.ask(
            "fusion.billing.reconciliation",
            "search_read",
            domain=[["service_id.code", "=", pair.bridge.world.code]],
            fields=names,
            load=None,
        )
        return [tuple(row[name] for name in names) for row in rows]

    drift(pair)
    drift(pair)
    found = checks()
    wait_a_second()
    drift(pair, "--repair")

    assert found == [("drift", "quantity", "12", "9999", first, False)]
    assert checks() == [("drift", "quantity", "12", "9999", first, True)]


def wait_a_second() -> None:
    """Odoo keeps whole seconds: the next comparison begins in another one."""
    time.sleep(1.1)


def test_what_cannot_be_compared_exits_with_2(
    pair: Pair, environment: pytest.MonkeyPatch
) -> None:
    unknown = CliRunner().invoke(main, ["drift", "--service", "none"])
    with connect_ledger(pair.bridge.database_url) as other:
        assert lock_drift(other)
        busy = drift(pair)
    environment.setenv("ODOO_URL", closed_port_url())
    away = drift(pair)

    assert [r.exit_code for r in (unknown, busy, away)] == [2, 2, 2]
    assert unknown.stderr == "Error: no service 'none' in the ledger\n"
    assert "another comparison runs" in busy.stderr
    assert "OdooUnreachableError" in away.stderr
