"""`fusion-billing archive`: an operator, a database, a directory."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.cli import main
from ledger.db import Connection
from tests.frozen_world import frozen_world
from tests.ledger_world import World


@pytest.fixture
def world(conn: Connection) -> World:
    return frozen_world(conn, open_correction=False)


@pytest.fixture(autouse=True)
def environment(
    monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # no .fusion here
    monkeypatch.setenv("DATABASE_URL", database_url)
    (tmp_path / "files").mkdir()


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["archive", *words])


def test_a_dry_run_tells_and_does_nothing(
    conn: Connection, world: World, tmp_path: Path
) -> None:
    # The test's periods ended less than 13 months before any clock of today's.
    result = run("--to", "files", "--older-than-months", "1", "--dry-run")

    assert result.exit_code == 0
    assert (
        f"would write {world.code}-2026-01.csv.gz: 4 periods, 5 lines" in result.stdout
    )
    assert list((tmp_path / "files").iterdir()) == []
    assert conn.execute("SELECT FROM archive_file").fetchall() == []


def test_what_is_archived_is_proved(world: World, tmp_path: Path) -> None:
    done = run("--to", "files", "--older-than-months", "1")
    proved = run("--verify", "files")
    again = run("--to", "files", "--older-than-months", "1", "--service", world.code)
    (tmp_path / "files" / f"{world.code}-2026-02.csv.gz").unlink()
    lost = run("--verify", "files")

    assert done.exit_code == proved.exit_code == again.exit_code == 0
    assert f"{world.code}-2026-01.csv.gz: 4 periods, 5 lines, 4 counters" in done.stdout
    assert proved.stdout.endswith("the archive is what was sealed\n")
    assert "nothing old enough is left" in again.stdout
    assert lost.exit_code == 1
    assert (
        f"{world.code}-2026-02.csv.gz: 2 periods, 5 lines\n  is not there"
        in lost.stdout
    )


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "give one of --to DIR and --verify DIR"),
        (("--to", "files", "--verify", "files"), "give one of"),
        (("--to", "nowhere"), "does not exist"),
        (("--to", "files", "--older-than-months", "0"), "1<=x<=1200"),
        (("--to", "files", "--service", "nobody"), "no service 'nobody'"),
        (("--verify", "files", "--service", "nobody"), "no service 'nobody'"),
    ],
)
def test_a_wrong_call_is_a_clear_error(
    world: World, words: tuple[str, ...], reason: str
) -> None:
    result = run(*words)

    assert result.exit_code in (1, 2)
    assert reason in result.stderr
