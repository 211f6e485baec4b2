"""Archiving goes on after a crash at any point, and loses nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.archiving import ArchiveRefused
from ledger.db import Connection
from tests.archive_world import LATER, archive, faults, mismatches
from tests.frozen_world import frozen_world
from tests.ledger_world import World

STEPS = ("copied", "written", "recorded", "deleted", "emptied")


class Crash(Exception):
    """Stands for the end of the process at that point."""


@pytest.fixture
def world(conn: Connection) -> World:
    return frozen_world(conn, open_correction=False)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("number", [1, 2])
def test_a_run_goes_on_where_the_last_one_ended(
    database_url: str, world: World, tmp_path: Path, step: str, number: int
) -> None:
    seen = 0

    def crash(_name: str, reached: str) -> None:
        nonlocal seen
        seen += reached == step
        if seen == number:
            raise Crash

    with pytest.raises(Crash):
        archive(database_url, world, tmp_path, LATER, crash)
    between = mismatches(database_url, world)
    (tmp_path / f"{world.code}-2026-03.csv.gz").write_bytes(b"half a file")
    done = archive(database_url, world, tmp_path, LATER)

    assert between == []
    assert mismatches(database_url, world) == []
    assert faults(database_url, tmp_path) == []
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        f"{world.code}-2026-0{month}.csv.gz" for month in (1, 2, 3)
    ]
    assert done[-1].file_name == f"{world.code}-2026-03.csv.gz"
    assert archive(database_url, world, tmp_path, LATER) == []


@pytest.mark.parametrize("step", STEPS)
def test_a_killed_run_is_finished_by_the_next(
    database_url: str, world: World, tmp_path: Path, step: str
) -> None:
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.archive_world import LATER, archive\n"
        "from tests.ledger_world import World\n"
        "url, code, key, folder, last = sys.argv[1:]\n"
        "def kill(name, step):\n"
        "    if step == last:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "world = World(code, int(key), ())\n"
        "archive(url, world, Path(folder), LATER, kill)\n"
    )
    words = [database_url, world.code, str(world.service_id), str(tmp_path), step]

    killed = subprocess.run(
        [sys.executable, "-c", script, *words], cwd=Path(__file__).parents[2]
    )
    archive(database_url, world, tmp_path, LATER)

    assert killed.returncode == -signal.SIGKILL
    assert mismatches(database_url, world) == []
    assert faults(database_url, tmp_path) == []
    assert len([p for p in tmp_path.iterdir() if p.name[0] != "."]) == 3


@pytest.mark.parametrize("loss", ["missing", "changed"])
def test_nothing_is_deleted_whose_file_is_lost(
    conn: Connection, database_url: str, world: World, tmp_path: Path, loss: str
) -> None:
    def crash(_name: str, reached: str) -> None:
        if reached == "recorded":
            raise Crash

    with pytest.raises(Crash):
        archive(database_url, world, tmp_path, LATER, crash)
    (file,) = tmp_path.iterdir()
    if loss == "missing":
        os.rename(file, tmp_path.parent / "elsewhere")
    else:
        file.write_bytes(b"something else")
    count = "SELECT count(*) FROM counter"
    before = conn.execute(count).fetchone()
    conn.commit()

    with pytest.raises(ArchiveRefused, match="not all of its counters are deleted"):
        archive(database_url, world, tmp_path, LATER)

    assert conn.execute(count).fetchone() == before


def test_two_do_not_archive_at_once(
    database_url: str, world: World, tmp_path: Path
) -> None:
    def start_another(_name: str, _step: str) -> None:
        with pytest.raises(ArchiveRefused, match="another process"):
            archive(database_url, world, tmp_path, LATER)

    assert len(archive(database_url, world, tmp_path, LATER, start_another)) == 3
