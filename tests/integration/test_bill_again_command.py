"""`fusion-billing bill-again`: an operator whose invoice was deleted in Odoo."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.cli import main
from ledger.closed import Closed, mark_closed
from ledger.closing import claim_bills
from ledger.db import Connection
from tests.frozen_world import CHARGES, FEBRUARY, JANUARY, at
from tests.ledger_world import World, freeze, make_message, make_world, push
from tests.webhook_world import SECRET_KEY


@pytest.fixture
def world(conn: Connection) -> World:
    """January, on invoice 42."""
    world = make_world(conn, 1, CHARGES)
    push(conn, make_message(world, [at(JANUARY, "j1", value="24")]), JANUARY)
    freeze(conn, world, FEBRUARY)
    conn.execute("UPDATE rollup SET pushed_revision = revision")
    claims = claim_bills(conn, 50, FEBRUARY, FEBRUARY).claims
    mark_closed(conn, [Closed(claim, "created", 42) for claim in claims], FEBRUARY)
    conn.commit()
    return world


@pytest.fixture(autouse=True)
def environment(
    monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # no .fusion here
    for name, value in {
        "DATABASE_URL": database_url,
        "BROKER_URL": "redis://127.0.0.1:2",
        "ODOO_URL": "http://127.0.0.1:2",
        "ODOO_API_KEY": "none",
        "FUSION_SECRET_KEY": SECRET_KEY,
    }.items():
        monkeypatch.setenv(name, value)


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["bill-again", *words])


def statuses(conn: Connection) -> set[str]:
    rows = conn.execute("SELECT DISTINCT status FROM period_bill").fetchall()
    conn.commit()
    return {row[0] for row in rows}


def test_what_the_invoice_billed_is_due_again(conn: Connection, world: World) -> None:
    assert statuses(conn) == {"created"}

    assert run(world.code, "42").exit_code == 0
    assert statuses(conn) == {"due"}


@pytest.mark.parametrize("words", [("another", "42"), ("CODE", "43"), ("CODE", "0")])
def test_another_services_or_no_invoice_changes_nothing(
    conn: Connection, world: World, words: tuple[str, str]
) -> None:
    result = run(*(word.replace("CODE", world.code) for word in words))

    assert result.exit_code != 0
    assert words[1] in result.stderr
    assert statuses(conn) == {"created"}
