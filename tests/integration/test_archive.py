"""Retention: old counters leave the ledger for files, and every proof still holds."""

import gzip
from pathlib import Path

import pytest

from ledger.db import Connection
from ledger.voiding import CounterArchived, CounterUnknown, Identity, void_counter
from tests.archive_world import LATER, NOW, archive, faults, mismatches
from tests.frozen_world import (
    APRIL,
    FEBRUARY,
    JANUARY,
    MARCH,
    at,
    frozen_world,
    void,
)
from tests.ledger_world import World, freeze, make_message, push


@pytest.fixture
def world(conn: Connection) -> World:
    return frozen_world(conn, open_correction=False)


def kept(conn: Connection) -> set[str]:
    names = {row[0] for row in conn.execute("SELECT transaction_id FROM counter")}
    conn.commit()
    return names


def test_a_bill_leaves_with_the_late_counters_of_its_corrections(
    conn: Connection, database_url: str, world: World, tmp_path: Path
) -> None:
    (january,) = archive(database_url, world, tmp_path)

    assert (january.periods, january.lines, january.counters) == (4, 5, 4)
    assert kept(conn) == {"j-late", "u-late", "f1", "r1", "r2", "a1"}
    assert mismatches(database_url, world) == []
    assert faults(database_url, tmp_path) == []

    february, march = archive(database_url, world, tmp_path, LATER)

    # came: j-late, u-late, f1, f-void; left: j2
    assert (february.lines, february.counters) == (5, 3)
    # came: r1, r2; left: f-void
    assert (march.lines, march.counters) == (3, 2)
    assert kept(conn) == {"a1"}
    assert mismatches(database_url, world) == []
    assert faults(database_url, tmp_path) == []
    assert archive(database_url, world, tmp_path, LATER) == []


def test_members_leave_with_their_counters(
    conn: Connection, database_url: str, world: World, tmp_path: Path
) -> None:
    archive(database_url, world, tmp_path)

    assert conn.execute("SELECT member FROM unique_member").fetchall() == []


def test_the_same_counters_give_the_same_bytes(
    conn: Connection, database_url: str, world: World, tmp_path: Path
) -> None:
    files = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()

        def stop(_name: str, step: str) -> None:
            if step == "written":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            archive(database_url, world, folder, report=stop)
        (file,) = folder.iterdir()
        files.append(file.read_bytes())

    assert files[0] == files[1]
    header = gzip.decompress(files[0]).decode().partition("\n")[0]
    assert header == (
        "subscription_id,subscription,billed_in,sign,code,transaction_id,period_start,"
        "occurred_at,batch_id,item_index,value,members,properties"
    )


def test_an_archived_period_takes_no_late_counter(
    conn: Connection, database_url: str, world: World, tmp_path: Path
) -> None:
    archive(database_url, world, tmp_path)
    again = [at(JANUARY, "j1"), at(JANUARY, "new"), at(FEBRUARY, "f-new")]
    message = make_message(world, again)

    tally = push(conn, message, APRIL)

    assert (tally["rejected"], tally["applied"]) == (2, 1)
    reasons = conn.execute(
        "SELECT reasons FROM batch_outcome WHERE batch_id = %s", (message.batch_id,)
    ).fetchone()
    conn.commit()
    assert reasons == ({"0": "period_is_archived", "1": "period_is_archived"},)
    assert mismatches(database_url, world) == []


@pytest.mark.parametrize("name", ["j1", "j-late"])
def test_an_archived_period_has_no_counter_taken_back(
    conn: Connection, database_url: str, world: World, tmp_path: Path, name: str
) -> None:
    """j1 is in the file; j-late is not yet, but it was used in January."""
    archive(database_url, world, tmp_path)

    with pytest.raises(CounterArchived):
        void(conn, world, name, APRIL)


def test_what_was_taken_back_before_is_still_answered(
    conn: Connection, database_url: str, world: World, tmp_path: Path
) -> None:
    archive(database_url, world, tmp_path)

    again = void_counter(
        conn, world.service_id, Identity("sub-0", "sum", "j2"), APRIL, "eve", "again"
    )

    assert again.voided_at == FEBRUARY
    with pytest.raises(CounterUnknown):
        unknown = Identity("sub-1", "sum", "never")
        void_counter(conn, world.service_id, unknown, APRIL, "eve", "a guess")


def test_later_periods_go_on_as_before(
    conn: Connection, database_url: str, world: World, tmp_path: Path
) -> None:
    archive(database_url, world, tmp_path)

    push(conn, make_message(world, [at(FEBRUARY, "f-late"), at(MARCH, "r1")]), APRIL)
    void(conn, world, "f1", APRIL)
    freeze(conn, world, APRIL.replace(month=5))

    assert mismatches(database_url, world) == []
    assert faults(database_url, tmp_path) == []


def test_usage_with_an_open_correction_waits_for_its_bill(
    conn: Connection, database_url: str, world: World, tmp_path: Path
) -> None:
    push(conn, make_message(world, [at(JANUARY, "j-very-late")]), APRIL)

    (january,) = archive(database_url, world, tmp_path)
    freeze(conn, world, APRIL.replace(month=5))
    (second,) = archive(database_url, world, tmp_path)

    # Each subscription has two periods that begin in January, in UTC.
    assert (january.periods, january.lines) == (3, 0)
    assert second.file_name == f"{world.code}-2026-01.2.csv.gz"
    assert mismatches(database_url, world) == []
    assert faults(database_url, tmp_path) == []


def test_usage_that_is_corrected_meanwhile_is_left_out(
    conn: Connection, database_url: str, world: World, tmp_path: Path
) -> None:
    def push_late(_name: str, step: str) -> None:
        if step == "copied" and "late" not in done:
            done.add("late")
            push(conn, make_message(world, [at(JANUARY, "j-very-late")]), APRIL)

    done: set[str] = set()

    (january,) = archive(database_url, world, tmp_path, report=push_late)

    assert (january.periods, january.lines) == (2, 0)
    assert {"j1", "j-very-late"} <= kept(conn)
    assert mismatches(database_url, world) == []
    assert faults(database_url, tmp_path) == []


@pytest.mark.altered_books
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("UPDATE archive_file SET sha256 = sha256('x')", "SHA-256"),
        ("UPDATE archive_file SET lines = lines + 1", "5 lines, 6 were recorded"),
        (
            "UPDATE frozen_period SET counters_hash = sha256('x')"
            " WHERE archived_at IS NOT NULL AND counters_hash <> sha256('')",
            "sub-0 2026-01-01T05:00:00Z: its counters are not those that were sealed",
        ),
    ],
)
def test_a_changed_record_is_found(
    conn: Connection,
    database_url: str,
    world: World,
    tmp_path: Path,
    change: str,
    fault: str,
) -> None:
    archive(database_url, world, tmp_path)
    assert conn.execute(change.encode()).rowcount == 1
    conn.commit()

    (found,) = faults(database_url, tmp_path)

    assert fault in found


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.replace(b",7,", b",6,", 1),
        lambda data: data.replace(b"j1", b"j9", 1),
        lambda data: b"\n".join(data.split(b"\n")[:-2]) + b"\n",
        lambda data: data + data.split(b"\n")[-2] + b"\n",
        lambda data: data.replace(b"\n1,", b"\n999,"),
        lambda data: b"not a table\n1\n",
        lambda data: b"",
    ],
)
def test_a_forged_file_does_not_fit_its_seals(
    conn: Connection, database_url: str, world: World, tmp_path: Path, damage: object
) -> None:
    """Also when its hash in the ledger was forged as well."""
    archive(database_url, world, tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(gzip.compress(damage(gzip.decompress(file.read_bytes()))))  # type: ignore[operator]
    as_recorded = faults(database_url, tmp_path)
    conn.execute("UPDATE archive_file SET sha256 = sha256(%b)", (file.read_bytes(),))
    conn.commit()

    forged = faults(database_url, tmp_path)

    assert any("SHA-256" in fault for fault in as_recorded)
    assert forged
    assert not any("SHA-256" in fault for fault in forged)


@pytest.mark.parametrize("damage", ["unlink", "truncate", "garble"])
def test_a_damaged_file_is_found(
    conn: Connection, database_url: str, world: World, tmp_path: Path, damage: str
) -> None:
    archive(database_url, world, tmp_path)
    (file,) = tmp_path.iterdir()
    data = file.read_bytes()
    if damage == "unlink":
        file.unlink()
    elif damage == "truncate":
        file.write_bytes(data[:-20])
    else:
        file.write_bytes(b"plain text")

    found = faults(database_url, tmp_path)

    assert any("is not there" in f or "cannot be read" in f for f in found)


def test_a_month_that_was_archived_is_not_taken_for_another(
    conn: Connection, database_url: str, world: World, tmp_path: Path
) -> None:
    archive(database_url, world, tmp_path, NOW)
    other = frozen_world(conn, open_correction=False)

    archive(database_url, other, tmp_path, NOW)

    assert len(list(tmp_path.iterdir())) == 2
    assert faults(database_url, tmp_path) == []
