"""`fusion-billing status`: an operator and a database."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.cli import main
from ledger.catalog import mark_sync_failed, mark_synced
from ledger.closing import claim_bills
from ledger.db import Connection
from tests.frozen_world import CHARGES, FEBRUARY
from tests.ledger_world import freeze, make_world
from tests.webhook_world import SECRET_KEY

AT = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def environment(
    monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path
) -> pytest.MonkeyPatch:
    """The environment of an operator; only the database is there."""
    monkeypatch.chdir(tmp_path)  # no .fusion here
    for name, value in {
        "DATABASE_URL": database_url,
        "BROKER_URL": "redis://127.0.0.1:2",
        "ODOO_URL": "http://127.0.0.1:2",
        "ODOO_API_KEY": "none",
        "FUSION_SECRET_KEY": SECRET_KEY,
        "COLUMNS": "200",
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def status() -> Result:
    return CliRunner().invoke(main, ["status"])


def test_a_failing_sync_is_shown_with_its_error_and_when_it_was_last_well(
    conn: Connection,
) -> None:
    mark_synced(conn, "plan", AT)
    mark_synced(conn, "subscription", AT)
    mark_sync_failed(conn, "subscription", "1 rows: statement timeout", AT)
    mark_sync_failed(conn, "metric", "no such model", AT)
    conn.commit()

    shown = status().stdout

    well = "2026-06-15 12:00:00 UTC"
    assert f"fails: 1 rows: statement timeout (last well: {well})" in shown
    assert "fails: no such model (last well: never)" in shown
    (plan,) = [line for line in shown.splitlines() if "pulled plan" in line]
    assert well in plan
    assert "fails" not in plan


def test_a_bill_that_waits_is_shown_with_what_it_waits_for(conn: Connection) -> None:
    world = make_world(conn, 1, CHARGES)
    freeze(conn, world, FEBRUARY)
    claim_bills(conn, 50, FEBRUARY, FEBRUARY)
    mark_synced(conn, "close", AT)
    conn.commit()

    text = status().stdout.replace("│", " ")
    shown = [" ".join(line.split()) for line in text.splitlines()]

    def row(name: str) -> str:
        (line,) = [line for line in shown if name in line]
        return line

    # The hours of 31 December in Toronto, and January.
    assert row("bills waiting").endswith("2")
    assert row("bills refused").endswith("0")
    assert "2026-02-10 12:00:00 UTC" in row("oldest bill waits since")
    waits = row(f"no invoice: sub-0 of {world.code} from 2026-01-01 05:00")
    assert "3 of sub-0's rows are not at Odoo yet (frozen 2026-02-10" in waits
    assert "2026-06-15 12:00:00 UTC" in row("closed periods")


def test_the_comparison_with_odoo_is_told_as_one(conn: Connection) -> None:
    mark_synced(conn, "drift", AT)
    mark_sync_failed(conn, "drift", "3 differences; see fusion-billing drift", AT)
    conn.commit()

    (line,) = [x for x in status().stdout.splitlines() if "compared with Odoo" in x]

    assert "3 differences" in line


def test_a_database_that_is_busy_is_told_from_one_that_is_away(
    conn: Connection, database_url: str, environment: pytest.MonkeyPatch
) -> None:
    conn.execute(f'ALTER DATABASE "{conn.info.dbname}" SET lock_timeout = 100'.encode())
    conn.commit()
    conn.execute("LOCK TABLE service")

    busy = status()
    conn.rollback()
    environment.setenv("DATABASE_URL", "postgresql://127.0.0.1:2/none")
    away = status()

    assert (busy.exit_code, away.exit_code) == (2, 2)
    assert busy.stderr.startswith("Error: the database is busy, try again: ")
    assert away.stderr.startswith("Error: the database does not answer: ")
