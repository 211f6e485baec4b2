"""`fusion-billing explain`: a bill, back to its counters and receipts."""

import re
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from deploy.cli import main
from ledger.catalog import ChargeRow
from ledger.db import Connection
from tests.archive_world import archive
from tests.frozen_world import APRIL, FEBRUARY, JANUARY, at, frozen_world
from tests.ledger_world import (
    NOW,
    STARTED,
    counter,
    freeze,
    make_message,
    make_world,
    push,
)

TIERS: tuple[dict[str, str | None], ...] = (
    {"up_to": "5", "unit_price": "0.5", "flat_price": "1"},
    {"up_to": None, "unit_price": "0.25", "flat_price": "0"},
)


@pytest.fixture(autouse=True)
def environment(
    monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # no .fusion here
    monkeypatch.setenv("DATABASE_URL", database_url)


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["explain", *words])


def squeezed(result: Result) -> list[str]:
    """Its lines, blanks as one."""
    assert result.exit_code == 0, result.output
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


def test_a_frozen_bill_is_told_from_its_lines_to_its_counters(
    conn: Connection,
) -> None:
    frozen_world(conn)
    rows = conn.execute("SELECT id FROM batch ORDER BY finished_at").fetchall()
    late_batch = rows[1][0]

    lines = squeezed(run("sub-0", "--period", "2026-02"))

    for line in (
        "customer customer (Customer)",
        "period 2026-02-01 00:00 to 2026-03-01 00:00 America/Toronto",
        "in UTC 2026-02-01T05:00:00Z to 2026-03-01T05:00:00Z",
        "plan plan, in CAD",
        "state frozen 2026-03-10T12:00:00Z",
        "in all 2.05 CAD, before tax",
    ):
        assert line in lines
    own = lines.index("sum (sum) 0.02 CAD")
    assert lines[own + 1 : own + 7] == [
        "quantity 14",
        "included 10 of 10",
        "overage 4",
        "package 2 blocks of 3 x 0.0075 = 0.0150",
        "rounded 0.0150 to 0.02 CAD",
        "counters 2 came in",
    ]
    correction = lines.index("sum (sum) 0.03 CAD")
    assert correction > own
    assert lines[correction + 1 : correction + 3] == [
        "corrects 2026-01-01 00:00 to 2026-02-01 00:00 America/Toronto",
        "billed 0.02 CAD",
    ]
    late = lines.index("+ j-late")
    assert lines[late + 1 : late + 4] == [
        "2026-01-10T12:00:00Z value 20",
        f"batch {late_batch} item 0",
        "received 2026-06-15T12:00:00Z, applied",
    ]
    taken = lines.index("- j2")
    assert (
        "voided 2026-02-10T12:00:00Z by ann@nexa.example: metered twice"
        in (lines[taken + 4])
    )


def test_a_frozen_bill_tells_its_invoice_or_what_it_waits_for(
    conn: Connection,
) -> None:
    frozen_world(conn)
    fate = (
        "UPDATE period_bill k SET status = %s, invoice_id = %s, closed_at = %s,"
        " reason = %s FROM subscription b WHERE b.id = k.subscription_id"
        " AND b.external_id = 'sub-0' AND k.period_start = %s"
    )
    for month, *what in (
        (1, "created", 42, APRIL, None),
        (2, "empty", None, APRIL, None),
        (3, "shadow", None, None, None),
    ):
        conn.execute(fate, (*what, datetime(2026, month, 1, 5, tzinfo=UTC)))
    conn.commit()

    def invoice(period: str) -> list[str]:
        lines = squeezed(run("sub-0", "--period", period, "--no-counters"))
        (at,) = [n for n, line in enumerate(lines) if line.startswith("invoice")]
        return lines[at : at + 2]

    noon = "2026-04-10T12:00:00Z"
    assert invoice("2026-01")[0] == f"invoice account.move 42 in Odoo, {noon}"
    assert invoice("2026-02")[0] == f"invoice none, nothing to pay, {noon}"
    assert invoice("2026-03")[0] == "invoice none: frozen while in shadow"
    march = datetime(2026, 3, 1, 5, tzinfo=UTC)
    conn.execute(fate, ("due", None, None, "no row", march))
    conn.commit()
    assert invoice("2026-03") == ["invoice waits", "no row"]


def test_it_fits_eighty_columns(conn: Connection) -> None:
    frozen_world(conn)

    result = run("sub-0", "--period", "2026")

    assert max(map(len, result.stdout.splitlines())) <= 80
    assert result.stdout.count("\nperiod ") >= 4


def test_an_open_period_is_rated_as_its_freeze_does(conn: Connection) -> None:
    world = frozen_world(conn)
    conn.execute("SET session_replication_role = replica")  # as if it had always been
    conn.execute(
        "UPDATE charge SET minimum = 5, rounding = 'ceil', rounding_precision = -1"
    )
    conn.execute("RESET session_replication_role")
    conn.commit()
    before = squeezed(run("sub-0", "--period", "2026-04", "--no-counters"))

    freeze(conn, world, NOW)

    after = squeezed(run("sub-0", "--period", "2026-04", "--no-counters"))
    assert any(line.startswith("state ended, to be frozen") for line in before)
    assert "units 10 (ceil to -1 digits)" in before
    assert "minimum + 5.0000 up to the least amount 5" in before
    fate = ("state", "sealed", "invoice")
    told = [line for line in before if not line.startswith(fate)]
    assert told == [line for line in after if not line.startswith(fate)]


def test_the_states_of_a_period_are_told(conn: Connection) -> None:
    make_world(conn, 1)
    # Its first periods ended long ago for any clock of today's.
    conn.execute("UPDATE plan SET grace_hours = 24 * 365 * 100")
    conn.commit()

    result = squeezed(run("sub-0", "--period", "2026-01-15"))

    assert any(line.startswith("state in grace until 21") for line in result)


def test_tiers_are_told_one_by_one(conn: Connection) -> None:
    charges = (ChargeRow("sum", "graduated", "0", "0", None, TIERS),)
    world = make_world(conn, 1, charges)
    push(conn, make_message(world, [at(JANUARY, "t", value="7")]), JANUARY)

    lines = squeezed(run("sub-0", "--period", "2026-01-10"))

    assert "graduated 5 x 0.5 + 1 = 3.5 (tier to 5)" in lines
    assert "graduated 2 x 0.25 = 0.50 (tier of the rest)" in lines
    assert "rounded 4.00 to 4.00 CAD" in lines


def test_what_was_taken_back_before_the_bill_is_shown_apart(
    conn: Connection,
) -> None:
    frozen_world(conn)

    lines = squeezed(run("sub-0", "--period", "2026-01-10", "--metric", "sum"))

    assert "x j-void" in lines
    assert "+ j1" in lines
    assert "counters 2 came in" in lines
    assert not any(line.startswith("max") for line in lines)


def test_an_archived_period_names_its_file(
    conn: Connection, database_url: str, tmp_path: Path
) -> None:
    world = frozen_world(conn, open_correction=False)
    archive(database_url, world, tmp_path)

    lines = squeezed(run("sub-0", "--period", "2026-01-10"))

    assert f"{world.code}-2026-01.csv.gz" in lines
    assert "counters 2 came in" in lines
    assert "+ j1" not in lines
    assert "+ j2" in lines  # it was taken back, and stays on record


def test_several_services_are_told_apart(conn: Connection) -> None:
    one, other = make_world(conn, 1), make_world(conn, 1)

    both = run("sub-0", "--period", "2026-01")
    mine = run("sub-0", "--period", "2026-01", "--service", other.code)

    assert both.exit_code == 1
    assert f"with --service: {one.code}, {other.code}" in both.stderr
    assert f"subscription sub-0 of {other.code}" in mine.stdout


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("nobody", "--period", "2026"), "no subscription 'nobody'"),
        (("sub-0", "--period", "2026", "--service", "x"), "'sub-0' in x"),
        (("sub-0", "--period", "2025-11"), "no period between 2025-11-01"),
        (("sub-0", "--period", "2099"), "no period between 2099-01-01"),
        (("sub-0", "--period", "soon"), "is not YYYY, YYYY-MM or YYYY-MM-DD"),
        (("sub-0", "--period", "2026", "--metric", "x"), "no line of a metric 'x'"),
        (("sub-0",), "Missing option '--period'"),
    ],
)
def test_a_wrong_call_is_a_clear_error(
    conn: Connection, words: tuple[str, ...], reason: str
) -> None:
    make_world(conn, 1)

    result = run(*words)

    assert result.exit_code in (1, 2)
    assert reason in result.stderr


@pytest.mark.altered_books
def test_a_rating_that_is_none_is_a_clear_error(conn: Connection) -> None:
    frozen_world(conn)
    conn.execute("SET session_replication_role = replica")
    conn.execute("UPDATE rollup SET rating = '{}' WHERE rating IS NOT NULL")
    conn.commit()

    result = run("sub-0", "--period", "2026-02")

    assert result.exit_code == 1
    assert "cannot be read; see `fusion-billing verify`" in result.stderr


def test_names_cannot_command_the_terminal(conn: Connection) -> None:
    world = make_world(conn, 1)
    evil = "\x1b[2Jid"
    items = [
        at(FEBRUARY, evil),
        at(FEBRUARY, "u", "unique", "\x07bell"),
    ]
    push(conn, make_message(world, items), FEBRUARY)

    result = run("sub-0", "--period", "2026-02")

    assert '+ "\\u001b[2Jid"' in result.stdout
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", result.stdout)


def test_an_ended_subscription_has_no_period_after_its_end(conn: Connection) -> None:
    world = make_world(conn, 1)
    conn.execute("UPDATE subscription SET ended_at = '2026-03-10T12:00Z'")
    conn.commit()
    freeze(conn, world, NOW)

    result = run("sub-0", "--period", "2026-03")

    assert result.stdout.count("\nperiod ") == 1
    assert "2026-03-01 00:00 to 2026-03-10 08:00" in result.stdout

    push(conn, make_message(world, [at(FEBRUARY, "late")]), NOW)

    corrected = run("sub-0", "--period", "2026")

    assert "corrects     2026-02-01 00:00 to 2026-03-01 00:00" in corrected.stdout


def test_many_counters_are_streamed(conn: Connection, database_url: str) -> None:
    world = make_world(conn, 1)
    with psycopg.connect(database_url) as writer:
        push(
            writer,
            make_message(
                world,
                [
                    counter(f"t{n}", timestamp_us=int(STARTED.timestamp() + n) * 10**6)
                    for n in range(3_000)
                ],
            ),
            APRIL,
        )

    result = run("sub-0", "--period", "2025-12-31")  # in Toronto

    assert result.stdout.count("\n    + t") == 3_000
