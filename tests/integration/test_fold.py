"""P2, P3, P4, P6, P7 on a real PostgreSQL, against the naive model."""

import random
import threading
from collections import defaultdict
from datetime import UTC, datetime

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.batches import apply_batch, take_batch
from ledger.db import Connection
from ledger.periods import Terms, period_at
from ledger.place import EPOCH
from ledger.rollups import rollups_of_service
from ledger.unparking import apply_parked
from ledger.verify import verify_books
from schemas.messages import Counter
from tests import model
from tests.ledger_world import (
    AGGREGATIONS,
    NOW,
    NOW_US,
    STARTED,
    World,
    add_subscription,
    counter,
    make_message,
    make_world,
    push,
)

REMOVE = '{"operation_type":"remove"}'
TERMS = Terms("monthly", "calendar", "America/Toronto", STARTED, None)
# Instants around a month's end in Toronto, in which ties and neighbours are likely.
JULY_US = int(datetime(2026, 7, 1, 4, tzinfo=UTC).timestamp()) * 1_000_000
INSTANTS = st.sampled_from([JULY_US - 1, JULY_US, JULY_US + 1, NOW_US])
NUMBERS = st.decimals(-1000, 10**12, places=9).map(lambda d: format(d, "f"))
MEMBERS = st.lists(st.sampled_from("abcdé"), min_size=1, max_size=3).map(
    lambda members: tuple(sorted(set(members)))
)

OPERATIONS = st.sampled_from([None, REMOVE, '{"operation_type":"add"}'])


@st.composite
def counters(draw: st.DrawFn) -> list[Counter]:
    """Counters with distinct identities, over two subscriptions and all metrics."""
    keys = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["sub-0", "sub-1"]),
                st.sampled_from(AGGREGATIONS),
                st.sampled_from(["a", "b", "B", "é", "10", "9", "a b"]),
            ),
            unique=True,
            min_size=1,
            max_size=30,
        )
    )
    return [
        counter(
            transaction_id,
            code,
            None if code == "unique" else draw(NUMBERS),
            draw(MEMBERS) if code == "unique" else None,
            subscription,
            draw(INSTANTS),
            draw(OPERATIONS),
        )
        for subscription, code, transaction_id in keys
    ]


def expected_rollups(items: list[Counter]) -> dict[tuple[str, str, datetime], object]:
    groups = defaultdict(list)
    for item in items:
        instant = EPOCH + (item.timestamp_us * datetime.resolution)
        period = period_at(TERMS, instant)
        assert period is not None
        groups[item.external_subscription_id, item.code, period.start].append(item)
    return {key: model.fold(group, key[1]) for key, group in groups.items()}


def stored_rollups(
    conn: Connection, world: World
) -> dict[tuple[str, str, datetime], object]:
    return {
        (r.subscription, r.metric, r.period_start): r.quantity
        for r in rollups_of_service(conn, world.service_id)
    }


def assert_books_agree(database_url: str, world: World) -> None:
    with psycopg.connect(database_url) as fresh:
        (proof,) = verify_books(fresh, world.code)
    assert proof.mismatches == []


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(counters(), st.randoms(use_true_random=False), st.integers(1, 5))
def test_order_split_and_duplication_do_not_matter(
    database_url: str,
    conn: Connection,
    items: list[Counter],
    chance: random.Random,
    batches: int,
) -> None:
    world = make_world(conn)
    pushed = [*items, *chance.choices(items, k=len(items))]
    chance.shuffle(pushed)
    parts = [pushed[start::batches] for start in range(batches)]

    tallies = [push(conn, make_message(world, part)) for part in parts if part]

    assert stored_rollups(conn, world) == expected_rollups(items)
    assert sum(tally["applied"] for tally in tallies) == len(items)
    assert sum(tally["duplicate"] for tally in tallies) == len(pushed) - len(items)
    assert_books_agree(database_url, world)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(counters(), st.randoms(use_true_random=False))
def test_parked_counters_end_as_if_they_had_never_waited(
    database_url: str, conn: Connection, items: list[Counter], chance: random.Random
) -> None:
    world = make_world(conn, subscriptions=1)
    pushed = [*items, *chance.choices(items, k=len(items) // 2)]
    chance.shuffle(pushed)
    for part in (pushed[::2], pushed[1::2]):
        if part:
            push(conn, make_message(world, part))
    add_subscription(conn, world.code, "sub-1")
    conn.commit()

    while apply_parked(conn, world.service_id, NOW):
        conn.commit()

    assert stored_rollups(conn, world) == expected_rollups(items)
    assert_books_agree(database_url, world)


def test_a_message_delivered_again_changes_nothing(conn: Connection) -> None:
    world = make_world(conn)
    message = make_message(world, [counter("t1", value="2"), counter("t2", value="3")])

    first = push(conn, message)
    again = push(conn, message)

    assert first["applied"] == 2
    assert sum(again.values()) == 0
    assert [r.quantity for r in rollups_of_service(conn, world.service_id)] == [5]


def test_a_conflict_is_kept_beside_what_it_contradicts(conn: Connection) -> None:
    world = make_world(conn)
    push(conn, make_message(world, [counter("t", value="1")]))

    other_value = push(conn, make_message(world, [counter("t", value="2")]))
    other_time = push(
        conn, make_message(world, [counter("t", value="1", timestamp_us=NOW_US + 1)])
    )

    assert (other_value["conflict"], other_time["conflict"]) == (1, 1)
    assert conn.execute(
        "SELECT k.value, c.value FROM counter_conflict k"
        " JOIN counter c USING (transaction_id) ORDER BY k.value DESC"
    ).fetchall() == [("2", 1), ("1", 1)]
    assert [r.quantity for r in rollups_of_service(conn, world.service_id)] == [1]


def test_counters_outside_the_subscription_are_rejected(conn: Connection) -> None:
    world = make_world(conn)
    conn.execute("UPDATE subscription SET ended_at = '2026-06-01'")
    conn.commit()
    early = int(STARTED.timestamp()) * 1_000_000 - 1

    tally = push(
        conn,
        make_message(
            world, [counter("early", timestamp_us=early), counter("late"), counter("x")]
        ),
    )

    assert tally["rejected"] == 3
    row = conn.execute("SELECT reasons FROM batch_outcome").fetchone()
    assert row is not None
    assert row[0]["0"] == "before_subscription_start"
    assert row[0]["1"] == "after_subscription_end"


def test_the_second_of_the_start_counts(conn: Connection) -> None:
    world = make_world(conn)
    start_us = int(STARTED.timestamp()) * 1_000_000

    tally = push(conn, make_message(world, [counter("t", timestamp_us=start_us)]))

    assert tally["applied"] == 1


def test_30_digits_before_and_20_after_the_point_are_exact(conn: Connection) -> None:
    world = make_world(conn)
    value = "123456789012345678901234567890.12345678901234567891"
    items = [counter("a", value=value), counter("b", value="0.00000000000000000009")]

    push(conn, make_message(world, items))

    (rollup,) = rollups_of_service(conn, world.service_id)
    assert (
        format(rollup.quantity, "f")
        == "123456789012345678901234567890.12345678901234567900"
    )


def test_eight_writers_with_keys_in_common_lose_and_double_nothing(
    database_url: str, conn: Connection
) -> None:
    world = make_world(conn)
    items = [
        counter(
            f"t{n}",
            code,
            None if code == "unique" else str(n),
            (f"m{n % 17}",) if code == "unique" else None,
            f"sub-{n % 2}",
            properties=REMOVE if n % 3 == 0 else None,
        )
        for n in range(120)
        for code in AGGREGATIONS
    ]
    failures: list[BaseException] = []

    def write(seed: int) -> None:
        chance = random.Random(seed)
        try:
            with psycopg.connect(database_url) as own:
                for _ in range(6):
                    part = chance.sample(items, 160)
                    push(own, make_message(world, part))
                push(own, make_message(world, items))
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert failures == []
    assert stored_rollups(conn, world) == expected_rollups(items)
    assert_books_agree(database_url, world)


def test_two_deliveries_at_once_apply_once(database_url: str, conn: Connection) -> None:
    world = make_world(conn)
    message = make_message(world, [counter("t", value="5")])
    take_batch(conn, message)
    conn.commit()
    apply_batch(conn, message, NOW)
    second: list[int] = []

    def deliver_again() -> None:
        with psycopg.connect(database_url) as own:
            second.append(sum(apply_batch(own, message, NOW).values()))

    thread = threading.Thread(target=deliver_again)
    thread.start()
    thread.join(0.2)
    assert thread.is_alive()  # it waits for the first to commit
    conn.commit()
    thread.join(10)

    assert second == [0]
    assert [r.quantity for r in rollups_of_service(conn, world.service_id)] == [5]


def test_an_end_that_moves_later_moves_the_period_with_it(
    database_url: str, conn: Connection
) -> None:
    world = make_world(conn)
    end = NOW.replace(hour=13)
    conn.execute("UPDATE subscription SET ended_at = %s", (end,))
    conn.commit()
    push(conn, make_message(world, [counter("before")]))
    conn.execute("UPDATE subscription SET ended_at = NULL")
    conn.commit()

    after_us = int(end.timestamp()) * 1_000_000
    push(conn, make_message(world, [counter("after", timestamp_us=after_us)]))

    (rollup,) = rollups_of_service(conn, world.service_id)
    assert (rollup.counters, rollup.period_end.month) == (2, 7)
    assert_books_agree(database_url, world)
