# ruff: noqa: S608 - statements are put together from constants
"""verify finds a single altered row of what is frozen, and names it (P4, P8)."""

from datetime import date
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from deploy.cli import main
from ledger.db import Connection
from ledger.verify import verify_books
from ledger.verify_page import Days, Mismatch
from tests.frozen_world import frozen_world

JANUARY = "2026-01-01T05:00:00Z"
FEBRUARY = "2026-02-01T05:00:00Z"
MARCH = "2026-03-01T05:00:00Z"
MAIN = "usage_start = period_start AND period_start = '2026-02-01 05:00Z'"
LATE = "usage_start < period_start AND period_start = '2026-02-01 05:00Z'"
SUM = "metric_id = (SELECT id FROM metric WHERE code = 'sum')"
SUB = "subscription_id = (SELECT id FROM subscription WHERE external_id = 'sub-0')"

ALTERATIONS = {
    "a frozen quantity": (
        f"UPDATE rollup SET quantity = quantity + 0.000001 WHERE {SUM} AND {MAIN}"
        f" AND {SUB}",
        ("rollup", f"sub-0 sum {FEBRUARY}"),
    ),
    "a correction's base": (
        f"UPDATE rollup SET base = base + 1 WHERE {SUM} AND {LATE}",
        ("correction", f"sub-0 sum {FEBRUARY} (correction of {JANUARY})"),
    ),
    "an amount": (
        f"UPDATE rollup SET amount = amount - 0.01 WHERE {SUM} AND {MAIN} AND {SUB}",
        ("rating", f"sub-0 sum {FEBRUARY}"),
    ),
    "a rating's amount": (
        "UPDATE rollup SET rating = jsonb_set(rating, '{amount}', '\"9.99\"')"
        f" WHERE {SUM} AND {MAIN.replace('02-01', '01-01')} AND {SUB}",
        ("rating", f"sub-0 sum {JANUARY}"),
    ),
    "a rating's charge": (
        "UPDATE rollup SET rating = jsonb_set(rating, '{charge,included}', '\"11\"')"
        f" WHERE {SUM} AND {MAIN} AND {SUB}",
        ("rating", f"sub-0 sum {FEBRUARY}"),
    ),
    "a rating that is none": (
        f"UPDATE rollup SET rating = '{{}}' WHERE {SUM} AND {MAIN} AND {SUB}",
        ("rating", f"sub-0 sum {FEBRUARY}"),
    ),
    "amount and rating, rated right": (
        "UPDATE rollup SET quantity = quantity, rating = jsonb_set(rating,"
        " '{charge,package_size}', '\"4\"')"
        f" WHERE {SUM} AND {MAIN} AND {SUB}",
        ("seal", f"sub-0 {FEBRUARY}"),
    ),
    "a counter of a frozen period": (
        "UPDATE counter SET occurred_at = occurred_at + interval '1 second'"
        " WHERE transaction_id = 'f1'",
        ("seal", f"sub-0 {FEBRUARY}"),
    ),
    "a counter's value": (
        "UPDATE counter SET value = 6 WHERE transaction_id = 'f1'",
        ("rollup", f"sub-0 sum {FEBRUARY}"),
    ),
    "a late counter deleted": (
        "DELETE FROM counter WHERE transaction_id = 'j-late'",
        ("seal", f"sub-0 {FEBRUARY}"),
    ),
    "a void deleted": (
        "DELETE FROM counter_void WHERE transaction_id = 'j2'",
        ("seal", f"sub-0 {JANUARY}"),
    ),
    "a void of an open period deleted": (
        "DELETE FROM counter_void WHERE transaction_id = 'j-void'",
        ("counters", "{service}"),
    ),
    "a period's end": (
        "UPDATE frozen_period SET period_end = period_end - interval '1 hour'"
        " WHERE period_start = '2026-02-01 05:00Z' AND " + SUB,
        ("period", f"sub-0 {MARCH}"),
    ),
    "a period's start": (
        "UPDATE frozen_period SET period_start = period_start + interval '1 hour'"
        " WHERE period_start = '2026-02-01 05:00Z' AND " + SUB,
        ("period", "sub-0 2026-02-01T06:00:00Z"),
    ),
    "a frozen period deleted": (
        "DELETE FROM frozen_period WHERE period_start = '2026-02-01 05:00Z' AND " + SUB,
        ("period", f"sub-0 {MARCH}"),
    ),
    "a seal": (
        "UPDATE frozen_period SET seal = sha256('x')"
        " WHERE period_start = '2026-02-01 05:00Z' AND " + SUB,
        ("seal", f"sub-0 {FEBRUARY}"),
    ),
    "a hash of counters": (
        "UPDATE frozen_period SET counters_hash = sha256('x')"
        " WHERE period_start = '2026-02-01 05:00Z' AND " + SUB,
        ("seal", f"sub-0 {FEBRUARY}"),
    ),
    "the end of what is frozen": (
        "UPDATE subscription SET frozen_until = frozen_until - interval '1 day'"
        " WHERE external_id = 'sub-0'",
        ("period", f"sub-0 {MARCH}"),
    ),
    "a member": (
        "DELETE FROM unique_member WHERE member = 'bob'",
        ("members", f"sub-0 unique {JANUARY}"),
    ),
    "an open correction": (
        f"UPDATE rollup SET quantity = 0 WHERE {SUM} AND usage_start < period_start"
        " AND frozen_at IS NULL",
        ("rollup", f"sub-0 sum 2026-04-01T04:00:00Z (correction of {MARCH})"),
    ),
}


def mismatches(url: str, service: str, days: Days | None = None) -> list[Mismatch]:
    with psycopg.connect(url) as fresh:
        (proof,) = verify_books(fresh, service, days=days)
        return proof.mismatches


@pytest.mark.altered_books
@pytest.mark.parametrize("what", ALTERATIONS)
def test_a_single_altered_row_is_named(
    what: str, database_url: str, conn: Connection
) -> None:
    world = frozen_world(conn)
    statement, (kind, where) = ALTERATIONS[what]
    assert mismatches(database_url, world.code) == []
    with psycopg.connect(database_url) as vandal:
        vandal.execute("SET session_replication_role = replica")  # no triggers
        assert vandal.execute(statement.encode()).rowcount == 1

    found = mismatches(database_url, world.code)

    named = {(each.kind, each.where) for each in found}
    assert (kind, where.format(service=world.code)) in named


@pytest.mark.altered_books
def test_only_the_periods_asked_for_are_proved(
    database_url: str, conn: Connection
) -> None:
    world = frozen_world(conn)
    with psycopg.connect(database_url) as vandal:
        vandal.execute("SET session_replication_role = replica")
        vandal.execute(ALTERATIONS["a frozen quantity"][0].encode())
    # In Toronto February begins at 05:00 UTC.
    february = Days(date(2026, 2, 1), date(2026, 2, 2))
    january = Days(date(2026, 1, 31), date(2026, 2, 1))

    kinds = {each.kind for each in mismatches(database_url, world.code, february)}
    none = {each.kind for each in mismatches(database_url, world.code, january)}

    assert {"rollup", "rating"} <= kinds
    assert not {"rollup", "rating"} & none


def test_the_command_takes_a_period(
    database_url: str,
    conn: Connection,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)  # no .fusion here
    monkeypatch.setenv("DATABASE_URL", database_url)
    world = frozen_world(conn)
    words = ["verify", "--service", world.code, "--period"]

    well = CliRunner().invoke(main, [*words, "2026-02"])
    nonsense = CliRunner().invoke(main, [*words, "2026-2"])

    assert well.exit_code == 0
    assert "10 counters, 4 voided, 0 archived" in well.stdout
    assert nonsense.exit_code == 2
    assert "'2026-2' is not YYYY, YYYY-MM or YYYY-MM-DD" in nonsense.stderr
