"""Charges with filters and groups: billed, corrected, proved, shown, archived."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from deploy.cli import main
from ledger.catalog import ChargeRow
from ledger.charge import Charge, ChargeFilter
from ledger.current_usage import current_usage
from ledger.db import Connection
from ledger.past_usage import past_usage
from ledger.place import EPOCH
from ledger.pushing import read_claims
from ledger.rating import Correction, Rating
from ledger.unrated import ChargeUnratable
from ledger.verify import verify_books
from ledger.verify_page import Mismatch
from odoo_bridge.sending import encode_rollups, rollup_row
from schemas.messages import Counter
from tests.archive_world import archive
from tests.ledger_world import (
    NOW_US,
    World,
    counter,
    freeze,
    make_message,
    make_world,
    push,
)
from tests.parts_world import set_charge

D = Decimal
JANUARY = datetime(2026, 1, 10, 12, tzinfo=UTC)
FEBRUARY = datetime(2026, 2, 10, 12, tzinfo=UTC)
MARCH = datetime(2026, 3, 10, 12, tzinfo=UTC)
STARTS = {month: datetime(2026, month, 1, 5, tzinfo=UTC) for month in (1, 2, 3)}
CHARGE = Charge(
    "percentage",
    included=D(0),
    price=D(10),
    fixed=D("0.5"),
    free_events=1,
    group_keys=("app",),
    filters=(ChargeFilter("f1", "Europe", {"region": ("eu",)}, price=D(1)),),
    display_name="Traffic",
)
Key = tuple[int, int, datetime, datetime]


def at(instant: datetime, name: str, value: str, **properties: Any) -> Counter:
    us = (instant - EPOCH) // timedelta(microseconds=1)
    told = json.dumps(properties) if properties else None
    return counter(name, "sum", value, timestamp_us=us, properties=told)


@pytest.fixture
def world(conn: Connection) -> World:
    """January frozen with two groups and a filter; something late in February."""
    row = ChargeRow("sum", "percentage", "0", "1", None, ())
    made = make_world(conn, subscriptions=1, charges=(row,))
    set_charge(conn, made, "sum", CHARGE)
    counters = [
        at(JANUARY, "1", "100", region="eu", app="web"),
        at(JANUARY, "2", "10", region="us", app="web"),
        at(JANUARY, "3", "20", app="web"),
        at(JANUARY, "4", "30"),
    ]
    push(conn, make_message(made, counters), JANUARY)
    freeze(conn, made, FEBRUARY)
    push(conn, make_message(made, [at(JANUARY, "5", "50", app="ios")]), FEBRUARY)
    return made


def keys_of(conn: Connection, world: World) -> list[Key]:
    return [
        (row[0], row[1], row[2], row[3])
        for row in conn.execute(
            "SELECT subscription_id, metric_id, period_start, usage_start FROM rollup"
            " JOIN metric m ON m.id = metric_id WHERE service_id = %s AND code = 'sum'"
            " AND period_start >= '2026-01-01 05:00Z' ORDER BY 3, 4",
            (world.service_id,),
        )
    ]


def mismatches(url: str, world: World) -> list[Mismatch]:
    with psycopg.connect(url) as fresh:
        (proof,) = verify_books(fresh, world.code)
        return proof.mismatches


def slots_of(rating: Rating) -> list[tuple[Any, ...]]:
    return [
        (slot.filter_name, dict(slot.group), slot.quantity, slot.events)
        for slot in rating.slots
    ]


def test_a_frozen_period_keeps_each_fee(conn: Connection, world: World) -> None:
    past = past_usage(
        conn, world.service_id, "customer", "sub-0", newest=None, limit=9, offset=0
    )

    (line,) = (c for c in past.periods[0].charges if c.metric_code == "sum")
    assert slots_of(line.rating) == [
        ("Europe", {}, D(100), 1),
        ("", {"app": "web"}, D(30), 2),
        ("", {"app": None}, D(30), 1),
    ]
    # 1 % of 100; 10 % of 30 and one event over the free one; 10 % of 30
    assert [slot.rating.amount for slot in line.rating.slots] == [1, D("3.5"), 3]
    assert line.rating.amount == D("7.50")
    assert line.charge == CHARGE


def test_late_usage_is_billed_by_the_fee_it_makes(
    conn: Connection, world: World, database_url: str
) -> None:
    freeze(conn, world, MARCH)

    (key,) = (key for key in keys_of(conn, world) if key[2] != key[3])
    (claim,) = read_claims(conn, [key])
    assert (claim.period_start, claim.usage_start) == (STARTS[2], STARTS[1])
    assert isinstance(claim.frozen, Correction)
    assert ("", {"app": "ios"}, D(50), 1) in slots_of(claim.frozen.after)
    assert claim.frozen.amount == D("5.00")
    assert mismatches(database_url, world) == []


def test_an_open_row_goes_to_odoo_with_the_sum_of_its_fees(
    conn: Connection, world: World
) -> None:
    counters = [at(FEBRUARY, "6", "7", app="web"), at(FEBRUARY, "7", "8", app="ios")]
    push(conn, make_message(world, counters), FEBRUARY)

    claims = read_claims(conn, keys_of(conn, world))

    rows = [rollup_row(claim) for claim in claims]
    assert [(row["state"], row["quantity"], row["amount"]) for row in rows] == [
        ("frozen", "160", "7.50"),
        ("open", "50", "5.00"),
        ("open", "15", "1.50"),
    ]
    assert "  used 30" in rows[0]["working"]
    assert "1 event x 0.5 = 0.5" in rows[0]["working"]
    assert rows[0]["working"].endswith("in all 7.50 CAD")


def test_a_catalogs_filters_and_groups_are_what_is_rated_by(conn: Connection) -> None:
    europe = {
        "name": "Europe",
        "values": {"region": ["eu"]},
        "included": "1",
        "price": "2.5",
        "package_size": None,
        "tiers": [],
        "fixed": "0.5",
        "free_events": "1",
        "group_keys": ["app"],
    }
    row = ChargeRow(
        *("sum", "percentage", "0", "10", None, (), "0"),
        fixed="0.25",
        free_events=2,
        group_keys=("zone",),
        filters=(europe,),
    )
    made = make_world(conn, subscriptions=1, charges=(row,))
    counters = [
        at(JANUARY, "1", "101", region="eu", app="web"),
        at(JANUARY, "2", "10", region="us", zone=7),
    ]
    push(conn, make_message(made, counters), JANUARY)

    usage = current_usage(conn, made.service_id, "customer", "sub-0", JANUARY)

    (line,) = usage.charges
    assert slots_of(line.rating) == [
        ("Europe", {"app": "web"}, D(101), 1),
        ("", {"zone": "7"}, D(10), 1),
    ]
    assert [slot.rating.amount for slot in line.rating.slots] == [D("2.50"), D(1)]


ALTERATIONS: dict[str, str] = {
    "a fee's quantity": "'{slots,1,quantity}', '\"31\"'",
    "a fee's events": "'{slots,1,events}', '3'",
    "a fee's amount": "'{slots,1,rating,amount}', '\"3.49\"'",
    "a fee's group": "'{slots,1,group,app}', '\"ios\"'",
    "a fee": "'{slots,1}', 'null'",
    "the filter's price": "'{charge,filters,0,price}', '\"2\"'",
    "the filter's values": "'{charge,filters,0,values,region}', '[\"us\"]'",
}


@pytest.mark.altered_books
@pytest.mark.parametrize("what", ALTERATIONS)
@pytest.mark.parametrize("archived", [False, True])
def test_verify_names_a_part_that_was_altered(
    what: str,
    archived: bool,
    conn: Connection,
    world: World,
    database_url: str,
    tmp_path: Path,
) -> None:
    if archived:
        assert archive(database_url, world, tmp_path)
    assert mismatches(database_url, world) == []
    with psycopg.connect(database_url) as vandal:
        vandal.execute("SET session_replication_role = replica")
        statement = (
            f"UPDATE rollup SET rating = jsonb_set(rating, {ALTERATIONS[what]})"  # noqa: S608 - put together from constants
            " WHERE jsonb_array_length(rating -> 'slots') = 3"
        )
        assert vandal.execute(statement.encode()).rowcount == 1

    kinds = {each.kind for each in mismatches(database_url, world)}

    # Of archived counters nothing says any more whose they were, but the seal.
    assert ("seal" if archived else "rating") in kinds


@pytest.mark.altered_books
def test_verify_names_a_property_that_was_altered(
    conn: Connection, world: World, database_url: str
) -> None:
    with psycopg.connect(database_url) as vandal:
        vandal.execute(
            'UPDATE counter SET properties = \'{"app": "ios"}\''
            " WHERE transaction_id = '2'"
        )

    assert "rating" in {each.kind for each in mismatches(database_url, world)}


def test_a_bill_by_parts_is_explained_fee_by_fee(
    conn: Connection, world: World, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    words = ["explain", "sub-0", "--period", "2026-01", "--no-counters"]
    words += ["--service", world.code]

    result = CliRunner().invoke(main, words)

    assert result.exit_code == 0, result.output
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    at_fee = lines.index("fee app web: 2 events")
    assert lines[at_fee : at_fee + 7] == [
        "fee app web: 2 events",
        "quantity 30",
        "included 0 of 0",
        "overage 30",
        "percentage 30 x 0.1 = 3.0",
        "percentage 1 event x 0.5 = 0.5",
        "rounded 3.5 to 3.50 CAD",
    ]
    assert "fee Europe: 1 event" in lines
    assert "in all 7.50 CAD" in lines


BREAKAGES: dict[str, str] = {
    "filters": 'filters = \'{"no": "list"}\'',
    "values": 'filters = \'[{"id": "1", "values": ["eu"]}]\'',
    "numbers": 'filters = \'[{"id": "1", "values": {}, "price": "much"}]\'',
    "tiers": "model = 'volume', tiers = '[]', group_keys = '{}', filters = '[]'",
}


@pytest.mark.parametrize("what", BREAKAGES)
def test_a_charge_that_makes_no_sense_is_named(
    what: str, conn: Connection, world: World
) -> None:
    def look() -> Any:
        return current_usage(conn, world.service_id, "customer", "sub-0", FEBRUARY)

    assert look().charges
    conn.execute("SET session_replication_role = replica")
    conn.execute(
        f"UPDATE charge SET {BREAKAGES[what]}".encode()  # noqa: S608 - constants
        + b" WHERE metric_id IN (SELECT id FROM metric WHERE service_id = %s)",
        (world.service_id,),
    )

    _raises_naming(look)
    conn.rollback()


@pytest.mark.altered_books
@pytest.mark.parametrize("what", BREAKAGES)
def test_a_charge_that_makes_no_sense_holds_up_no_other_row(
    what: str, conn: Connection, world: World
) -> None:
    items = [at(FEBRUARY, "6", "7"), counter("7", "max", timestamp_us=NOW_US)]
    push(conn, make_message(world, items), FEBRUARY)
    conn.execute("SET session_replication_role = replica")
    conn.execute(
        f"UPDATE charge SET {BREAKAGES[what]}".encode()  # noqa: S608 - constants
        + b" WHERE metric_id IN (SELECT id FROM metric WHERE service_id = %s)",
        (world.service_id,),
    )
    keys = conn.execute(
        "SELECT subscription_id, metric_id, period_start, usage_start FROM rollup"
        " JOIN metric m ON m.id = metric_id WHERE service_id = %s"
        " AND frozen_at IS NULL AND usage_start = period_start",
        (world.service_id,),
    ).fetchall()

    encoded = encode_rollups(read_claims(conn, keys))

    assert [row["metric"] for row in encoded.rows.values()] == ["max"]
    reasons = [outcome.reason for outcome in encoded.outcomes]
    assert any(reason.startswith("the charge cannot be rated") for reason in reasons)
    conn.rollback()


def _raises_naming(look: Callable[[], Any]) -> None:
    with pytest.raises(ChargeUnratable) as raised:
        look()
    assert raised.value.metric == "sum"
