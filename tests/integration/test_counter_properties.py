"""What an app says besides the value goes wherever the counter goes."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.sql import SQL, Identifier

from ledger.archive_proof import read_lines
from ledger.catalog import SubscriptionRow, upsert_subscription
from ledger.chain import counters_hash
from ledger.db import Connection
from ledger.parking import PAGE_WEIGHT, claim_page
from ledger.unparking import apply_parked
from ledger.voiding import Identity, void_counter
from tests.archive_world import archive, faults, mismatches
from tests.frozen_world import APRIL, JANUARY, at, frozen_world
from tests.ledger_world import (
    NOW,
    NOW_US,
    STARTED,
    World,
    add_subscription,
    counter,
    event,
    freeze,
    make_message,
    make_world,
    push,
)

SAID = '{"region":"ca","size":12.5}'


@pytest.fixture
def world(conn: Connection) -> World:
    """Every metric but count has its value in ``size``."""
    world = make_world(conn, subscriptions=1)
    conn.execute("UPDATE metric SET field_name = 'size' WHERE code <> 'count'")
    conn.commit()
    return world


def outcomes_of(conn: Connection, world: World, *items: Any) -> str:
    """The outcome letters of one batch."""
    message = make_message(world, items)
    push(conn, message)
    row = conn.execute(
        "SELECT outcomes FROM batch_outcome WHERE batch_id = %s", (message.batch_id,)
    ).fetchone()
    conn.commit()
    assert row is not None
    return str(row[0])


def reasons_of(conn: Connection) -> dict[str, str]:
    """The reasons on the one receipt."""
    row = conn.execute("SELECT reasons FROM batch_outcome").fetchone()
    conn.commit()
    assert row is not None
    return dict(row[0])


def stored(conn: Connection, table: str = "counter") -> dict[str, tuple[Any, ...]]:
    """Value, members and properties of each row, by transaction id."""
    statement = SQL(
        "SELECT transaction_id, value::text, members, properties::text FROM {}"
    )
    rows = conn.execute(statement.format(Identifier(table))).fetchall()
    conn.commit()
    return {name: tuple(row) for name, *row in rows}


def quantities(conn: Connection) -> dict[str, Decimal]:
    rows = conn.execute(
        "SELECT m.code, r.quantity FROM rollup r JOIN metric m ON m.id = r.metric_id"
    ).fetchall()
    conn.commit()
    return dict(rows)


def test_properties_are_kept_as_they_were_given(conn: Connection, world: World) -> None:
    odd = json.dumps({'"\\': "tab\t, line\n, \\N, ä", "no": None, "yes": True})
    items = [
        counter("plain"),
        counter("value", properties=odd),
        counter("members", "unique", None, ("a", "b"), properties=SAID),
    ]

    assert outcomes_of(conn, world, *items) == "aaa"
    copied = stored(conn)
    assert copied["plain"] == ("1", None, None)
    assert json.loads(copied["value"][2]) == json.loads(odd)
    assert json.loads(copied["members"][2]) == json.loads(SAID)

    more = [counter("plain"), counter("inserted", properties=odd)]
    assert outcomes_of(conn, world, *more) == "da"
    assert json.loads(stored(conn)["inserted"][2]) == json.loads(odd)


def test_a_value_is_found_among_the_properties(conn: Connection, world: World) -> None:
    items = [event("e", SAID, code) for code in ("sum", "max", "last", "unique")]

    assert outcomes_of(conn, world, *items, event("e", None, "count")) == "aaaaa"
    assert quantities(conn) == {
        "sum": Decimal("12.5"),
        "max": Decimal("12.5"),
        "last": Decimal("12.5"),
        "unique": 1,
        "count": 1,
    }
    members = conn.execute("SELECT member FROM unique_member").fetchall()
    conn.commit()
    assert members == [("12.5",)]


def test_an_event_without_its_property_is_rejected_by_name(
    conn: Connection, world: World
) -> None:
    items = [
        event("none", None),
        event("null", '{"size":null}'),
        event("text", '{"size":"1e3"}'),
        event("long", json.dumps({"size": "x" * 256}), "unique"),
    ]

    assert outcomes_of(conn, world, *items) == "rrrr"
    reasons = reasons_of(conn)
    assert [reasons[str(place)].partition(":")[0] for place in range(4)] == [
        "property_missing",
        "property_missing",
        "value_is_invalid",
        "value_is_invalid",
    ]
    assert quantities(conn) == {}


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        ('{"a":1,"b":"x"}', '{"b":"x","a":1.0}', "d"),
        (None, "{}", "d"),
        ("{}", None, "d"),
        (None, '{"a":null}', "c"),
        ('{"a":1}', '{"a":"1"}', "c"),
        ('{"a":1}', '{"a":1,"b":2}', "c"),
        ('{"a":1}', None, "c"),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_other_properties_under_one_identity_are_a_conflict(
    conn: Connection,
    world: World,
    first: str | None,
    second: str | None,
    outcome: str,
    known: bool,
) -> None:
    """In the books as in the parking lot."""
    name = "sub-0" if known else "sub-9"
    one = counter("t", subscription=name, properties=first)
    two = counter("t", subscription=name, properties=second)

    assert outcomes_of(conn, world, one) == ("a" if known else "p")
    assert outcomes_of(conn, world, two) == outcome
    conflicts = stored(conn, "counter_conflict")
    if outcome == "c":
        said = conflicts["t"][2]
        assert (said and json.loads(said)) == (second and json.loads(second))
    else:
        assert conflicts == {}


def test_an_event_that_comes_again_is_a_duplicate(
    conn: Connection, world: World
) -> None:
    assert outcomes_of(conn, world, event("e", SAID), event("e", SAID)) == "ad"
    assert outcomes_of(conn, world, event("e", SAID)) == "d"
    assert quantities(conn) == {"sum": Decimal("12.5")}


def test_what_was_parked_finds_its_value_when_it_is_placed(
    conn: Connection, world: World
) -> None:
    """Which property it is, only the metric says, which may come last."""
    parked = counter("p", "later", None, subscription="sub-9", properties=SAID)
    no_value = counter("n", "sum", None, subscription="sub-9", properties="{}")
    assert outcomes_of(conn, world, parked, no_value) == "pp"
    assert json.loads(stored(conn, "parked_counter")["p"][2]) == json.loads(SAID)

    add_subscription(conn, world.code, "sub-9")
    conn.execute(
        "INSERT INTO metric (service_id, code, name, aggregation, field_name)"
        " VALUES (%s, 'later', 'Later', 'sum', 'size')",
        (world.service_id,),
    )
    conn.commit()
    assert apply_parked(conn, world.service_id, NOW) == 2
    conn.commit()

    value, _, said = stored(conn)["p"]
    assert (value, json.loads(said)) == ("12.5", json.loads(SAID))
    assert quantities(conn) == {"later": Decimal("12.5")}
    assert reasons_of(conn) == {"1": "property_missing"}


def test_long_properties_make_shorter_pages(conn: Connection, world: World) -> None:
    long = json.dumps({"a": "x" * 16_000})
    items = [
        counter(f"t{number}", subscription="sub-9", properties=long)
        for number in range(5)
    ]
    outcomes_of(conn, world, *items)
    add_subscription(conn, world.code, "sub-9")
    key = {"service_id": world.service_id}

    share = PAGE_WEIGHT // 300
    page = claim_page(conn, "claim_ripe", key, 5 * share, share)
    conn.rollback()
    assert len(page) == 2


@pytest.mark.parametrize("known", [True, False])
def test_a_repeat_without_a_timestamp_counts_once(
    conn: Connection, world: World, known: bool
) -> None:
    """Ours is that of its arrival; the app has said nothing that differs."""
    name = "sub-0" if known else "sub-9"

    def arrived(us_later: int, value: str = "5", *, given: bool = False) -> Any:
        item = counter("t", value=value, subscription=name, timestamp_given=given)
        at_us = item.timestamp_us + us_later
        return counter(
            "t",
            value=value,
            subscription=name,
            timestamp_us=at_us,
            timestamp_given=given,
        )

    first = "a" if known else "p"
    assert outcomes_of(conn, world, arrived(0)) == first
    assert outcomes_of(conn, world, arrived(7), arrived(9)) == "dd"
    assert outcomes_of(conn, world, arrived(7, "6")) == "c"
    assert outcomes_of(conn, world, arrived(7, given=True)) == "c"
    assert outcomes_of(conn, world, arrived(0, given=True)) == "d"


def test_a_parked_repeat_without_a_timestamp_is_a_duplicate_when_it_is_placed(
    conn: Connection, world: World
) -> None:
    """The same event was applied while it was parked, a moment later by our clock."""
    item = counter("t", subscription="sub-9", timestamp_given=False)
    assert outcomes_of(conn, world, item) == "p"
    add_subscription(conn, world.code, "sub-9")
    later = counter(
        "t",
        subscription="sub-9",
        timestamp_us=item.timestamp_us + 5,
        timestamp_given=False,
    )
    assert outcomes_of(conn, world, later) == "a"

    apply_parked(conn, world.service_id, NOW)
    conn.commit()

    assert stored(conn, "counter_conflict") == {}
    assert quantities(conn) == {"sum": 1}


def test_a_repeat_without_a_timestamp_after_the_end_is_a_duplicate(
    conn: Connection, world: World
) -> None:
    """What was never counted, or is another event, is rejected as it should be."""

    def sent(name: str, us_later: int, said: str = SAID) -> Any:
        return counter(
            name,
            value=None,
            timestamp_us=NOW_US + us_later,
            properties=said,
            timestamp_given=False,
        )

    assert outcomes_of(conn, world, sent("t", 0)) == "a"
    conn.execute("UPDATE subscription SET ended_at = %s", (NOW + timedelta(hours=1),))
    conn.commit()
    day_us = 24 * 3600 * 1_000_000

    items = [
        sent("t", day_us),
        sent("new", day_us),
        sent("t", day_us, '{"size":1}'),
        counter("t", value=None, timestamp_us=NOW_US + day_us, properties=SAID),
    ]
    assert outcomes_of(conn, world, *items) == "drrr"
    assert quantities(conn) == {"sum": Decimal("12.5")}
    told = conn.execute("SELECT sum(counters) FROM event_error").fetchone()
    conn.commit()
    assert told == (3,)


def test_a_counter_that_is_taken_back_keeps_what_was_said(
    conn: Connection, world: World
) -> None:
    outcomes_of(conn, world, event("e", SAID))

    identity = Identity("sub-0", "sum", "e")
    void_counter(conn, world.service_id, identity, NOW, "ann", "twice")
    conn.commit()

    assert stored(conn) == {}
    value, _, said = stored(conn, "counter_void")["e"]
    assert (value, json.loads(said)) == ("12.5", json.loads(SAID))
    assert outcomes_of(conn, world, event("e", SAID)) == "a"


def test_a_counter_that_terms_took_out_comes_back_with_what_was_said(
    conn: Connection, world: World
) -> None:
    outcomes_of(conn, world, event("e", SAID), event("e", SAID, "unique"))
    before = stored(conn)

    for ended_at in (NOW - timedelta(days=1), None):
        row = SubscriptionRow(
            world.code,
            "sub-0",
            "customer",
            "plan",
            STARTED,
            ended_at,
            "America/Toronto",
            "calendar",
            1,
        )
        upsert_subscription(conn, row)
        conn.commit()
        assert len(stored(conn)) == (1 if ended_at is None else 0)

    assert stored(conn) == before
    assert quantities(conn) == {"sum": Decimal("12.5"), "unique": 1}


def test_seals_cover_what_was_said(conn: Connection, world: World) -> None:
    outcomes_of(conn, world, event("e", SAID))
    key = conn.execute("SELECT id FROM subscription").fetchone()
    assert key is not None
    june = datetime(2026, 6, 1, 4, tzinfo=UTC)
    sealed = counters_hash(conn, key[0], june)

    conn.execute("UPDATE counter SET properties = properties - 'region'")
    changed = counters_hash(conn, key[0], june)
    conn.rollback()

    assert changed != sealed
    assert counters_hash(conn, key[0], june) == sealed


def test_an_archived_file_has_what_was_said_and_proves_it(
    conn: Connection, database_url: str, tmp_path: Path
) -> None:
    world = frozen_world(conn, open_correction=False)
    assert len(stored(conn)) > 0
    add_subscription(conn, world.code, "more")
    conn.execute("UPDATE subscription SET created_at = started_at")
    conn.commit()
    late = at(JANUARY, "said")
    said = counter(
        "said",
        subscription="more",
        timestamp_us=late.timestamp_us,
        properties='{"text":"ä, \\"quoted\\"\\n","n":1.50}',
    )
    outcomes_of(conn, world, said, counter("void", subscription="more"))
    freeze(conn, world, APRIL)

    (january,) = archive(database_url, world, tmp_path)

    path = tmp_path / january.file_name
    header = gzip.decompress(path.read_bytes()).decode().partition("\n")[0]
    assert header.endswith(",value,members,properties")
    lines = {line["transaction_id"]: line["properties"] for line in read_lines(path)}
    assert json.loads(lines["said"]) == {"text": 'ä, "quoted"\n', "n": 1.5}
    assert lines["j1"] == ""
    assert faults(database_url, tmp_path) == []
    assert mismatches(database_url, world) == []


SIZES = st.sampled_from(["1", "2.5", "-3", "x", None])


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    sizes=st.dictionaries(st.sampled_from("abcdef"), SIZES, min_size=1),
    data=st.data(),
)
def test_events_in_any_order_split_and_repetition_come_to_the_model(
    conn: Connection, sizes: dict[str, str | None], data: st.DataObject
) -> None:
    """P2, P4, P7 with values among the properties."""
    world = make_world(conn, subscriptions=1)
    conn.execute("UPDATE metric SET field_name = 'size' WHERE code <> 'count'")
    conn.commit()
    codes = ("sum", "max", "unique", "count")
    events = [
        event(name, json.dumps({"size": size, "by": name}), code)
        for name, size in sizes.items()
        for code in codes
    ]
    repeated = data.draw(st.permutations([*events, *events[::2]]))
    while repeated:
        size = data.draw(st.integers(1, len(repeated)))
        push(conn, make_message(world, repeated[:size]))
        repeated = repeated[size:]

    numbers = [Decimal(s) for s in sizes.values() if s not in (None, "x")]
    members = {s for s in sizes.values() if s is not None}
    expected: dict[str, Any] = {"count": len(sizes)}
    if numbers:
        expected |= {"sum": sum(numbers), "max": max(numbers)}
    if members:
        expected["unique"] = len(members)
    rows = conn.execute(
        "SELECT m.code, r.quantity FROM rollup r JOIN metric m ON m.id = r.metric_id"
        " WHERE m.service_id = %s",
        (world.service_id,),
    ).fetchall()
    conn.commit()
    assert dict(rows) == expected
