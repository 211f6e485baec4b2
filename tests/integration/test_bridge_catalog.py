"""The catalog goes from a file into Odoo and comes back into the ledger."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deploy.commands.catalog import cli
from ledger.db import connect as connect_ledger
from ledger.known import known_names, known_service
from odoo_bridge.catalog_load import CatalogFileError, load_catalog_file
from odoo_bridge.client import OdooClient, connect
from odoo_bridge.pull import pull_catalog
from tests.bridge_world import (
    CATALOG,
    PROTOCOLS,
    catalog_file,
    target_settings,
)
from tests.contract.odoo_target import OdooTarget
from tests.scripted_server import closed_port_url

TIERED = CATALOG.replace(
    "charges:\n",
    "charges:\n      - {{metric: max, model: volume, tiers: "
    "[{{up_to: 10, unit_price: 0.10}}, {{unit_price: 0.05, flat_price: 1}}]}}\n",
)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_file_loads_once_and_then_changes_nothing(
    standin: OdooTarget, database_url: str, tmp_path: Path, protocol: str
) -> None:
    _, path = catalog_file(tmp_path, TIERED)
    with connect(target_settings(standin, protocol)) as client:
        first = load_catalog_file(path, client, database_url)
        second = load_catalog_file(path, client, database_url)

    numbers = {
        "service": 1,
        "metric": 2,
        "plan": 1,
        "customer": 1,
        "subscription": 2,
    }
    assert first.faults == second.faults == ()
    assert {kind: found["created"] for kind, found in first.counts.items()} == numbers
    assert {kind: found["unchanged"] for kind, found in second.counts.items()} == (
        numbers
    )


def test_the_ledger_has_what_the_file_says(
    standin: OdooTarget, database_url: str, tmp_path: Path
) -> None:
    code, path = catalog_file(tmp_path, TIERED)
    with connect(target_settings(standin)) as client:
        load_catalog_file(path, client, database_url)

    with connect_ledger(database_url) as conn:
        charges = conn.execute(
            "SELECT m.code, c.model, c.included::text, c.price::text, c.tiers "
            "FROM charge c JOIN metric m ON m.id = c.metric_id "
            "JOIN service s ON s.id = m.service_id WHERE s.code = %s ORDER BY 1",
            (code,),
        ).fetchall()
        started = conn.execute(
            "SELECT DISTINCT b.started_at FROM subscription b "
            "JOIN service s ON s.id = b.service_id WHERE s.code = %s",
            (code,),
        ).fetchall()
    assert charges == [
        (
            "max",
            "volume",
            "0",
            "0",
            [
                {"up_to": "10", "unit_price": "0.10", "flat_price": "0"},
                {"up_to": None, "unit_price": "0.05", "flat_price": "1"},
            ],
        ),
        ("sum", "package", "10", "0.0075", []),
    ]
    assert started == [(datetime(2026, 1, 1, tzinfo=UTC),)]


def test_a_changed_price_is_updated(
    standin: OdooTarget, database_url: str, tmp_path: Path
) -> None:
    _, path = catalog_file(tmp_path)
    with connect(target_settings(standin)) as client:
        load_catalog_file(path, client, database_url)
        path.write_text(path.read_text().replace("0.0075", "0.008"))
        report = load_catalog_file(path, client, database_url)

    assert report.counts["plan"] == {"created": 0, "updated": 1, "unchanged": 0}
    with connect_ledger(database_url) as conn:
        prices = conn.execute("SELECT price::text FROM charge WHERE price > 0")
        assert ("0.008",) in prices.fetchall()


def test_a_file_without_a_mode_leaves_a_live_service_live(
    standin: OdooTarget, database_url: str, tmp_path: Path
) -> None:
    code, path = catalog_file(tmp_path, CATALOG.replace("shadow", "live"))
    later = tmp_path / "later.yaml"
    later.write_text(f"service: {{code: {code}}}")
    with connect(target_settings(standin)) as client:
        load_catalog_file(path, client, database_url)
        report = load_catalog_file(later, client, database_url)

    assert report.counts["service"]["unchanged"] == 1
    with connect_ledger(database_url) as conn:
        assert known_service(conn, code) == ("Bridge", "live")


def test_a_later_file_may_name_what_an_earlier_one_brought(
    standin: OdooTarget, database_url: str, tmp_path: Path
) -> None:
    code, path = catalog_file(tmp_path)
    later = tmp_path / "later.yaml"
    later.write_text(
        f"service: {{code: {code}}}\n"
        "subscriptions: [{external_id: sub-9, customer: customer, plan: plan, "
        "started_at: 2026-01-01}]"
    )
    with connect(target_settings(standin)) as client:
        load_catalog_file(path, client, database_url)
        report = load_catalog_file(later, client, database_url)

    assert report.counts["subscription"]["created"] == 1


def test_a_faulty_file_writes_nothing_and_names_every_fault(
    standin: OdooTarget, database_url: str, tmp_path: Path
) -> None:
    spoiled = CATALOG.replace("0.0075", "cheap").replace(
        "sub-1, customer: customer", "sub-1, customer: nobody"
    )
    code, path = catalog_file(tmp_path, spoiled)
    with (
        connect(target_settings(standin)) as client,
        pytest.raises(CatalogFileError) as raised,
    ):
        load_catalog_file(path, client, database_url)

    assert [fault.path for fault in raised.value.faults] == [
        "plans[0].charges[0].price",
        "subscriptions[1].customer",
    ]
    found = standin.ask(
        "fusion.billing.service", "search_count", domain=[["code", "=", code]]
    )
    assert found == 0


def test_a_broken_row_does_not_sink_the_others(
    standin: OdooTarget, database_url: str, tmp_path: Path
) -> None:
    code, path = catalog_file(tmp_path)
    with connect(target_settings(standin)) as client:
        load_catalog_file(path, client, database_url)

        class Spoiling(OdooClient):
            """An Odoo in which a row has become unreadable."""

            def __init__(self) -> None:
                """Nothing is opened."""

            def repeat(self, model: str, method: str, **named: Any) -> Any:
                """As the stand-in, but for an interval that there is not."""
                answer = client.repeat(model, method, **named)
                for row in answer.get("rows", ()):
                    if row.get("code") == "plan" and row["service"] == code:
                        row["interval"] = "daily"
                return answer

        with connect_ledger(database_url) as conn:
            conn.execute("UPDATE metric SET name = 'old'")
        report = pull_catalog(Spoiling(), database_url, datetime.now(UTC))

    assert [fault.split(":")[0].split()[0] for fault in report.faults] == ["plan"]
    with connect_ledger(database_url) as conn:
        assert known_names(conn, code, "plans", ["plan"]) == {"plan"}
        old = conn.execute("SELECT code FROM metric WHERE name = 'old'").fetchall()
        rows = conn.execute("SELECT kind, error FROM odoo_sync").fetchall()
    synced = {kind: error for kind, error in rows}  # noqa: C416 - mypy reads this one
    assert old == []
    assert synced["metric"] is None
    assert "interval" in synced["plan"]


def run_load(path: Path, environ: dict[str, str]) -> Any:
    """``fusion-billing catalog load`` in this process, found by the environment."""
    return CliRunner(env=environ).invoke(cli, ["load", str(path)])


def environment(odoo: OdooTarget, database_url: str, url: str) -> dict[str, str]:
    """The variables that name the test's ledger and an Odoo."""
    return {
        "DATABASE_URL": database_url,
        "BROKER_URL": "redis://nowhere",
        "FUSION_SECRET_KEY": "A" * 43 + "=",
        "ODOO_URL": url,
        "ODOO_DATABASE": odoo.database,
        "ODOO_API_KEY": odoo.api_key,
    }


def test_the_command_prints_a_table_and_faults_by_path(
    standin: OdooTarget, database_url: str, tmp_path: Path
) -> None:
    environ = environment(standin, database_url, standin.url)
    _, good = catalog_file(tmp_path)
    _, bad = catalog_file(tmp_path, CATALOG.replace("CAD", "dollars"))

    well, ill = run_load(good, environ), run_load(bad, environ)
    absent = run_load(tmp_path / "absent.yaml", environ)

    assert well.exit_code == 0, well.output
    assert "subscription" in well.stdout
    assert (ill.exit_code, absent.exit_code) == (1, 1)
    assert "plans[0].currency: is not three capital letters" in ill.stderr
    assert "cannot be read" in absent.stderr


def test_the_command_says_in_one_line_that_odoo_is_away(
    standin: OdooTarget, database_url: str, tmp_path: Path
) -> None:
    _, path = catalog_file(tmp_path)

    result = run_load(path, environment(standin, database_url, closed_port_url()))

    assert result.exit_code == 1
    assert "cannot be reached" in result.stderr
    assert "Traceback" not in result.output
